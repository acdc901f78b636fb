#include "Train/Feed.h"

#include <algorithm>
#include <functional>

namespace tpc::runtime {

/// Reads tokens of a sequence as TokenData::read() does.
using ReadTokens = std::function<void(int64_t number, int64_t column, int64_t size, int32_t *out)>;

/// Fills this rank's part of batch `number`, an input of one row for each sequence.
static void feedInput(Program &program, const Value &value, int64_t number,
                      const ReadTokens &read) {
  Box box = program.boxOf(value.placement);
  if (box.sizes.size() != 2 || value.dtype != TPC_I32)
    throw Error("the input '" + value.name + "' must be a matrix of i32");
  HostBytes part = program.prepare(value.slot, value.placement, value.dtype);
  auto *out = reinterpret_cast<int32_t *>(part.data());
  const Shape &memory = value.placement.localShape;
  std::fill(out, out + elementsOf(memory), 0); // padding: the program does not look at it
  for (int64_t row = 0; row < box.sizes[0]; ++row)
    read(number * program.manifest().batch + box.offsets[0] + row, box.offsets[1], box.sizes[1],
         out + row * memory[1]);
  part.store();
}

void feedBatch(Program &program, const std::string &entry, const TokenData &data, int64_t number) {
  auto feed = [&](const char *name, int shift) {
    if (const Value *value = program.input(entry, name))
      feedInput(program, *value, number,
                [&](int64_t sequence, int64_t column, int64_t size, int32_t *out) {
                  data.read(sequence, column, size, shift, out);
                });
  };
  feed("tokens", 0);
  feed("targets", 1);
}

/// What is beyond the end of the data are targets that do not count.
static void feedOnce(Program &program, const TokenData &data, int64_t number, int64_t ignoreIndex) {
  auto feed = [&](const char *name, int shift, int32_t fill) {
    if (const Value *value = program.input("loss", name))
      feedInput(program, *value, number,
                [&](int64_t sequence, int64_t column, int64_t size, int32_t *out) {
                  data.readOnce(sequence, column, size, shift, fill, out);
                });
  };
  feed("tokens", 0, 0);
  feed("targets", 1, static_cast<int32_t>(ignoreIndex));
}

void checkSameData(Program &program, const TokenData &data, int64_t sequences) {
  uint64_t mine = data.digest(sequences);
  std::vector<uint64_t> all(static_cast<size_t>(program.context().world()));
  program.context().communicator->gatherHost(&mine, sizeof(mine), all.data());
  for (size_t rank = 0; rank < all.size(); ++rank)
    if (all[rank] != all[0])
      throw Error("rank " + std::to_string(rank) + " has other data in " + data.path() +
                  " than rank 0: all ranks must read the same file");
}

double evaluate(Program &program, const TokenData &data, int64_t ignoreIndex) {
  int64_t batch = program.manifest().batch;
  int64_t batches = (data.sequencesWithRest() - 1) / batch + 1;
  double sum = 0, tokens = 0;
  for (int64_t number = 0; number < batches; ++number) {
    feedOnce(program, data, number, ignoreIndex);
    program.setScalar("loss", "ignore_index", ignoreIndex);
    program.run("loss");
    double valid = program.scalar("loss", "tokens");
    if (valid > 0)
      sum += program.scalar("loss", "loss") * valid, tokens += valid;
  }
  return tokens > 0 ? sum / tokens : 0;
}

} // namespace tpc::runtime
