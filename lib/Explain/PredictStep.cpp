//===- PredictStep.cpp - a schedule on a machine's clock ------------------------===//

#include "tpc/Codegen/Schedule.h"
#include "tpc/Dialect/CollectiveTraffic.h"
#include "tpc/Dialect/Provenance.h"
#include "tpc/Explain/Timeline.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace tpc;

namespace {
class Simulator {
public:
  Simulator(ModuleOp module, const Mesh &mesh, const MachineModel &machine)
      : machine(machine), cost(mesh, machine) {
    for (auto [number, op] : llvm::enumerate(getCollectives(module)))
      numbers[op] = static_cast<int64_t>(number);
  }

  Timeline run(FunctionOpInterface function);

private:
  void visit(Operation *op);
  void compute(Operation *op, const Work &work);
  bool isAsynchronous(Operation *collective) const;
  void enqueue(Operation *collective);
  void finish(Operation *collective);
  TimelineEvent &add(Operation *op, StringRef name, double begin, double seconds);
  void addUp();

  const MachineModel &machine;
  CostModel cost;
  Timeline timeline;
  double now = 0;         ///< of the compute queue
  double networkIdle = 0; ///< when the communication queue is through with what it has
  double together = 0;    ///< when the ranks last had to wait for each other
  llvm::DenseMap<Operation *, int64_t> numbers;
  llvm::DenseMap<Operation *, size_t> enqueued; ///< its event
  llvm::StringMap<double> productFlops;         ///< by element type
};
} // namespace

TimelineEvent &Simulator::add(Operation *op, StringRef name, double begin, double seconds) {
  return timeline.events.emplace_back(
      TimelineEvent{name.str(), getModuleName(op->getLoc()), begin, seconds, {}});
}

void Simulator::compute(Operation *op, const Work &work) {
  auto launch = dyn_cast<LaunchOp>(op);
  double seconds = machine.getSeconds(work);
  add(op, launch ? launch.getKernel() : op->getName().stripDialect(), now, seconds);
  now += seconds;
  timeline.computeSeconds += seconds;
  if (work.kind == WorkKind::Contract)
    productFlops[work.elementType] += work.flops;
}

bool Simulator::isAsynchronous(Operation *collective) const {
  return cost.isAsynchronous(getTraffic(collective)->axes);
}

/// "dp,tp"; parts of an axis go under its name.
static std::string getAxesText(ArrayRef<AxisRef> axes, const Mesh &mesh) {
  llvm::SmallSetVector<StringRef, 4> names;
  for (const AxisRef &axis : axes)
    names.insert(mesh.axes[axis.axis].name);
  return llvm::join(names, ",");
}

void Simulator::enqueue(Operation *collective) {
  CollectiveTraffic traffic = *getTraffic(collective);
  double seconds =
      cost.getSeconds(traffic.kind, traffic.axes, static_cast<double>(traffic.operandBytes)) +
      cost.getWakeSeconds(traffic.axes, now - together);
  if (isAsynchronous(collective)) // a library that moves whole blocks: read and written once more
    seconds += 2 * static_cast<double>(getPackedBytes(collective)) / machine.memoryBandwidth;
  TimelineEvent &event =
      add(collective, collective->getName().stripDialect(), std::max(now, networkIdle), seconds);
  event.collective = TimelineEvent::Collective{numbers.lookup(collective),
                                               getAxesText(traffic.axes, cost.getMesh()),
                                               traffic.receivedBytes,
                                               0,
                                               now,
                                               0};
  networkIdle = event.getEnd();
  enqueued[collective] = timeline.events.size() - 1;
}

/// The compute queue stops for what the communication queue still has to do up to `collective`.
void Simulator::finish(Operation *collective) {
  auto last = enqueued.find(collective);
  TimelineEvent &event = timeline.events[last->second];
  event.collective->wait = now;
  double end = event.getEnd();
  for (size_t number = last->second + 1; number-- > 0;) {
    TimelineEvent &earlier = timeline.events[number];
    if (!earlier.collective)
      continue;
    if (earlier.getEnd() <= now)
      break;
    earlier.collective->exposed += earlier.begin < now ? earlier.getEnd() - now : earlier.seconds;
  }
  now = together = std::max(now, end);
}

void Simulator::visit(Operation *op) {
  if (auto wait = dyn_cast<WaitOp>(op)) {
    Operation *collective = wait.getPending().getDefiningOp();
    if (!enqueued.contains(collective))
      enqueue(collective);
    return finish(collective);
  }
  if (!isCollective(op)) {
    if (std::optional<Work> work = getWork(op))
      compute(op, *work);
    return;
  }
  bool synchronous = !getWait(op);
  if (synchronous || isAsynchronous(op))
    enqueue(op);
  if (synchronous)
    finish(op);
}

void Simulator::addUp() {
  llvm::MapVector<StringRef, CommunicationTime> times;
  for (const TimelineEvent &event : timeline.events)
    if (event.collective) {
      CommunicationTime &time = times[event.collective->axes];
      time.axes = event.collective->axes;
      time.exposed += event.collective->exposed;
      time.hidden += event.seconds - event.collective->exposed;
    }
  for (auto &[axes, time] : times)
    timeline.communication.push_back(std::move(time));
}

Timeline Simulator::run(FunctionOpInterface function) {
  for (Operation &op : function.getFunctionBody().front())
    visit(&op);
  timeline.seconds = std::max(now, networkIdle);
  addUp();
  auto most = llvm::max_element(productFlops,
                                [](const auto &a, const auto &b) { return a.second < b.second; });
  timeline.peakFlops = machine.getFlops(most == productFlops.end() ? StringRef() : most->getKey());
  return std::move(timeline);
}

//===-- utilization and memory -------------------------------------------------===//

static void addUtilization(Timeline &timeline, FunctionOpInterface function, int64_t devices) {
  double possible = timeline.seconds * timeline.peakFlops * static_cast<double>(devices);
  auto get = [&](StringRef name) {
    auto flops = function->getAttrOfType<FloatAttr>(name);
    return flops && possible > 0 ? flops.getValueAsDouble() / possible : 0;
  };
  timeline.mfuCausal = get(TPCDialect::kFlops);
  timeline.mfuPalm = get(TPCDialect::kPalmFlops);
}

static void addMemory(Timeline &timeline, DictionaryAttr arena) {
  auto get = [&](StringRef name) {
    auto bytes = arena.getAs<IntegerAttr>(name);
    return bytes ? bytes.getInt() : int64_t(0);
  };
  constexpr auto workspace = static_cast<unsigned>(SlotCategory::Workspace);
  for (unsigned category = 0; category != workspace; ++category) {
    StringRef name = stringifySlotCategory(static_cast<SlotCategory>(category));
    timeline.memory.push_back({name.str(), get(name)});
  }
  timeline.workspacePerThread = get("workspace_per_thread");
}

FailureOr<Timeline> tpc::predictStep(FunctionOpInterface function, const MachineModel &machine) {
  auto module = function->getParentOfType<ModuleOp>();
  MeshOp meshOp = getMesh(module);
  if (!meshOp)
    return module.emitError("expects one tpc.mesh");
  auto arena = module->getAttrOfType<DictionaryAttr>(TPCDialect::kArena);
  if (!arena)
    return module.emitError("expects planned memory; tpc-plan-memory attaches tpc.arena");
  Mesh mesh = meshOp.getMesh().getMesh();
  Timeline timeline = Simulator(module, mesh, machine).run(function);
  addUtilization(timeline, function, mesh.getNumRanks());
  addMemory(timeline, arena);
  return timeline;
}
