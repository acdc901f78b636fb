// tpc-run --measure.
#ifndef TPC_TOOLS_TPC_RUN_MEASURE_H
#define TPC_TOOLS_TPC_RUN_MEASURE_H

#include "tpc/runtime/Launch.h"
#include <string>

namespace tpc::runtime {

/// Measures the machine as one rank of the job that `info` describes; rank 0 writes the YAML to
/// `output`, or to standard output if that is empty. Returns the exit status.
int runMeasurement(const RankInfo &info, const std::string &communicator, int threadsPerRank,
                   double timeoutSeconds, const std::string &output);

} // namespace tpc::runtime

#endif
