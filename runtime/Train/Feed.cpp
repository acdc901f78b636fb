#include "Train/Feed.h"

#include <algorithm>

namespace tpc::runtime {

static void feedInput(Program &program, const Value &value, const TokenData &data, int64_t number,
                      int shift) {
  Box box = program.boxOf(value.placement);
  if (box.sizes.size() != 2 || value.dtype != TPC_I32)
    throw Error("the input '" + value.name + "' must be a matrix of i32");
  HostBytes part = program.prepare(value.slot, value.placement, value.dtype);
  auto *out = reinterpret_cast<int32_t *>(part.data());
  const Shape &memory = value.placement.localShape;
  std::fill(out, out + elementsOf(memory), 0); // padding: the program does not look at it
  for (int64_t row = 0; row < box.sizes[0]; ++row)
    data.read(number * program.manifest().batch + box.offsets[0] + row, box.offsets[1],
              box.sizes[1], shift, out + row * memory[1]);
  part.store();
}

void feedBatch(Program &program, const std::string &entry, const TokenData &data, int64_t number) {
  if (const Value *tokens = program.input(entry, "tokens"))
    feedInput(program, *tokens, data, number, 0);
  if (const Value *targets = program.input(entry, "targets"))
    feedInput(program, *targets, data, number, 1);
}

void checkSameData(Program &program, const TokenData &data) {
  uint64_t mine = data.fingerprint();
  std::vector<uint64_t> all(static_cast<size_t>(program.context().world()));
  program.context().communicator->gatherHost(&mine, sizeof(mine), all.data());
  for (size_t rank = 0; rank < all.size(); ++rank)
    if (all[rank] != all[0])
      throw Error("rank " + std::to_string(rank) + " has other data in " + data.path() +
                  " than rank 0: all ranks must read the same file");
}

double evaluate(Program &program, const TokenData &data, int64_t ignoreIndex) {
  int64_t batch = program.manifest().batch;
  int64_t batches = std::max<int64_t>(1, data.sequences() / batch);
  double sum = 0, tokens = 0;
  for (int64_t number = 0; number < batches; ++number) {
    feedBatch(program, "loss", data, number);
    program.setScalar("loss", "ignore_index", ignoreIndex);
    program.run("loss");
    double valid = program.scalar("loss", "tokens");
    sum += program.scalar("loss", "loss") * valid, tokens += valid;
  }
  return tokens > 0 ? sum / tokens : 0;
}

} // namespace tpc::runtime
