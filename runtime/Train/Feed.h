// Batches of a data set as the inputs of an entry.
#ifndef TPC_RUNTIME_TRAIN_FEED_H
#define TPC_RUNTIME_TRAIN_FEED_H

#include "IO/TokenData.h"
#include "Train/Program.h"

namespace tpc::runtime {

/// Writes batch `number` of the data set into this rank's part of the inputs `tokens` and, if the
/// entry has it, `targets`: batch element b is sequence number * batch + b. Throws Error for a
/// token outside the vocabulary.
void feedBatch(Program &program, const std::string &entry, const TokenData &data, int64_t number);

/// Throws Error naming the rank unless all ranks have the same `sequences` first sequences, see
/// TokenData::digest().
void checkSameData(Program &program, const TokenData &data, int64_t sequences);

/// Mean loss over the whole data set, by the entry `loss`; every valid target counts once, those of
/// a last sequence or batch that is not full as well.
double evaluate(Program &program, const TokenData &data, int64_t ignoreIndex);

} // namespace tpc::runtime

#endif
