#include "Train/Program.h"
#include "Memory/Limit.h"

#include <cstring>

namespace tpc::runtime {

constexpr size_t kFetchedScalars = 32, kScalarBytes = 8;

Program::Program(const tpc_program &compiled, const Manifest &manifest, tpc_context &context)
    : compiled(compiled), description(manifest), rankContext(context),
      region(context.device->allocate(manifest.arenaBytes(context.threads) -
                                      static_cast<uint64_t>(manifest.communicationBytes))),
      atStart(proportionalSetSize()),
      fetched(context.device->allocateHost(kFetchedScalars * kScalarBytes)) {
  device().load(compiled);
  device().useWorkspace(context, region.get() + manifest.privateBytes,
                        static_cast<uint64_t>(manifest.workspaceBytesPerThread));
  if (!device().isHost())
    rehearse();
}

/// A processor's products are quick to prepare, a GPU's library is asked for each.
void Program::rehearse() {
  rankContext.rehearsing = true;
  for (int64_t i = 0; i < compiled.entry_count; ++i)
    call(compiled.entries[i]);
  rankContext.rehearsing = false;
  rankContext.check();
}

void Program::run(const std::string &entry) {
  for (int64_t i = 0; i < compiled.entry_count; ++i)
    if (entry == compiled.entries[i].name) {
      replays(entry) ? replay(compiled.entries[i]) : call(compiled.entries[i]);
      runs += entry == recordedEntry;
      return rankContext.check();
    }
  throw Error("the program has no entry '" + entry + "'");
}

void Program::call(const tpc_entry_point &entry) {
  rankContext.waits.clear();
  entry.function(&rankContext, region.get(), rankContext.communicator->region());
}

void Program::replay(const tpc_entry_point &entry) {
  Communicator &communicator = *rankContext.communicator;
  if (!recording) {
    device().beginRecording();
    communicator.record([&] { call(entry); });
    try {
      recording = device().endRecording();
    } catch (const Error &) {
      rankContext.check(); // what came first
      throw;
    }
    rankContext.check();
  }
  communicator.replay([&] { device().replay(*recording); });
}

char *Program::at(const Slot &slot) const {
  char *base = slot.communication ? rankContext.communicator->region() : region.get();
  return base + slot.offset;
}

HostBytes Program::read(const Slot &slot, const Placement &placement, tpc_dtype dtype) const {
  HostBytes contents = prepare(slot, placement, dtype);
  contents.load();
  return contents;
}

HostBytes Program::prepare(const Slot &slot, const Placement &placement, tpc_dtype dtype) const {
  return HostBytes(device(), at(slot), localBytes(placement, dtype));
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

template <typename T, typename Number>
static void store(Device &device, char *to, Number number) {
  T value = static_cast<T>(number);
  device.copyFromHost(to, &value, sizeof(value));
}

template <typename Number>
static void storeScalar(Device &device, char *to, tpc_dtype dtype, Number number) {
  switch (dtype) {
  case TPC_F32:
    return store<float>(device, to, number);
  case TPC_F64:
    return store<double>(device, to, number);
  case TPC_I32:
    return store<int32_t>(device, to, number);
  case TPC_I64:
    return store<int64_t>(device, to, number);
  default:
    throw Error(std::string("a scalar input of element type ") + toString(dtype));
  }
}

void Program::setScalar(const std::string &entry, const std::string &name, double value) {
  if (const Value *found = input(entry, name))
    storeScalar(device(), at(found->slot), found->dtype, value);
}

void Program::setScalar(const std::string &entry, const std::string &name, int64_t value) {
  if (const Value *found = input(entry, name))
    storeScalar(device(), at(found->slot), found->dtype, value);
}

template <typename T>
static T load(const char *from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

double FetchedScalar::value() const {
  if (dtype == TPC_F64)
    return load<double>(bytes);
  if (dtype == TPC_I32)
    return load<int32_t>(bytes);
  return static_cast<double>(load<float>(bytes));
}

const Value &Program::scalarOutput(const std::string &entry, const std::string &name) const {
  const Value *found = output(entry, name);
  if (!found)
    throw Error("the entry '" + entry + "' has no output '" + name + "'");
  return *found;
}

double Program::scalar(const std::string &entry, const std::string &name) const {
  const Value &found = scalarOutput(entry, name);
  char bytes[kScalarBytes];
  device().copyToHost(bytes, at(found.slot), elementBytes(found.dtype));
  return FetchedScalar{bytes, found.dtype}.value();
}

FetchedScalar Program::fetchScalar(const std::string &entry, const std::string &name) {
  const Value &found = scalarOutput(entry, name);
  char *bytes = fetched.get() + fetches++ % kFetchedScalars * kScalarBytes;
  device().fetch(bytes, at(found.slot), elementBytes(found.dtype));
  return {bytes, found.dtype};
}

uint64_t Program::arenaHighWater() const {
  auto communication = static_cast<uint64_t>(description.communicationBytes);
  return device().touchedBytes(region.get(),
                               description.arenaBytes(rankContext.threads) - communication) +
         device().touchedBytes(rankContext.communicator->region(), communication);
}

std::string Program::describeMemory() const {
  uint64_t arena = arenaHighWater(), now = proportionalSetSize();
  uint64_t grown = now > atStart ? now - atStart : 0; // what was shared out may be less than that
  return "arena high-water " + std::to_string(arena) + " bytes (" + printBytes(arena) +
         "), proportional set size grew by " + std::to_string(grown) + " bytes (" +
         printBytes(grown) + ")";
}

} // namespace tpc::runtime
