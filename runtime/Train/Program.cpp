#include "Train/Program.h"
#include "Device/Threads.h"
#include "Memory/Limit.h"

#include <cstring>

namespace tpc::runtime {

Program::Program(const tpc_program &compiled, const Manifest &manifest, tpc_context &context)
    : compiled(compiled), description(manifest), rankContext(context),
      region(manifest.arenaBytes(context.threads) -
             static_cast<uint64_t>(manifest.communicationBytes)),
      atStart(proportionalSetSize()) {
  touchWorkspace();
}

/// Each thread writes its workspace first, so that a machine with several memory nodes places it
/// near that thread; and no step finds memory missing that the plan has counted.
void Program::touchWorkspace() {
  auto bytes = static_cast<size_t>(description.workspaceBytesPerThread);
  char *first = region.data() + description.privateBytes;
  parallelFor(rankContext.threads, rankContext.threads, 1, [&](int64_t begin, int64_t end) {
    std::memset(first + static_cast<size_t>(begin) * bytes, 0,
                static_cast<size_t>(end - begin) * bytes);
  });
}

void Program::run(const std::string &entry) {
  for (int64_t i = 0; i < compiled.entry_count; ++i)
    if (entry == compiled.entries[i].name) {
      compiled.entries[i].function(&rankContext, region.data(), rankContext.communicator->region());
      return rankContext.check();
    }
  throw Error("the program has no entry '" + entry + "'");
}

char *Program::at(const Slot &slot) const {
  char *base = slot.communication ? rankContext.communicator->region() : region.data();
  return base + slot.offset;
}

static const Value *find(const std::vector<Value> &values, const std::string &name) {
  for (const Value &value : values)
    if (value.name == name)
      return &value;
  return nullptr;
}

const Value *Program::input(const std::string &entry, const std::string &name) const {
  return find(description.entry(entry).inputs, name);
}

const Value *Program::output(const std::string &entry, const std::string &name) const {
  return find(description.entry(entry).outputs, name);
}

template <typename T>
static void store(char *to, double real, int64_t integer, bool isReal) {
  T value = isReal ? static_cast<T>(real) : static_cast<T>(integer);
  std::memcpy(to, &value, sizeof(value));
}

static void storeScalar(char *to, tpc_dtype dtype, double real, int64_t integer, bool isReal) {
  switch (dtype) {
  case TPC_F32:
    return store<float>(to, real, integer, isReal);
  case TPC_F64:
    return store<double>(to, real, integer, isReal);
  case TPC_I32:
    return store<int32_t>(to, real, integer, isReal);
  case TPC_I64:
    return store<int64_t>(to, real, integer, isReal);
  default:
    throw Error(std::string("a scalar input of element type ") + toString(dtype));
  }
}

void Program::setScalar(const std::string &entry, const std::string &name, double value) {
  if (const Value *found = input(entry, name))
    storeScalar(at(found->slot), found->dtype, value, 0, true);
}

void Program::setScalar(const std::string &entry, const std::string &name, int64_t value) {
  if (const Value *found = input(entry, name))
    storeScalar(at(found->slot), found->dtype, 0, value, false);
}

double Program::scalar(const std::string &entry, const std::string &name) const {
  const Value *found = output(entry, name);
  if (!found)
    throw Error("the entry '" + entry + "' has no output '" + name + "'");
  const char *from = at(found->slot);
  if (found->dtype == TPC_F64)
    return *reinterpret_cast<const double *>(from);
  if (found->dtype == TPC_I32)
    return *reinterpret_cast<const int32_t *>(from);
  return static_cast<double>(*reinterpret_cast<const float *>(from));
}

uint64_t Program::arenaHighWater() const {
  return residentBytes(region.data(), region.size()) +
         residentBytes(rankContext.communicator->region(),
                       static_cast<uint64_t>(description.communicationBytes));
}

std::string Program::describeMemory() const {
  uint64_t arena = arenaHighWater(), grown = proportionalSetSize() - atStart;
  return "arena high-water " + std::to_string(arena) + " bytes (" + printBytes(arena) +
         "), proportional set size grew by " + std::to_string(grown) + " bytes (" +
         printBytes(grown) + ")";
}

} // namespace tpc::runtime
