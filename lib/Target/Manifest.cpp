//===- Manifest.cpp ------------------------------------------------------------===//

#include "tpc/Target/Manifest.h"
#include "tpc/Codegen/RuntimeCalls.h"
#include "tpc/Codegen/Schedule.h"
#include "tpc/Codegen/TargetInfo.h"
#include "tpc/Dialect/Provenance.h"
#include "tpc/Sharding/Layout.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include <cmath>

using namespace mlir;
using namespace tpc;

namespace {
/// A tensor that a rank keeps: what it is a shard of, and where it lies.
struct Kept {
  RankedTensorType type;
  DictionaryAttr attributes; ///< of the argument or result

  GlobalAttr getGlobal() const { return attributes.getAs<GlobalAttr>(TPCDialect::kGlobal); }
  SlotAttr getSlot() const { return attributes.getAs<SlotAttr>(TPCDialect::kSlot); }
};

/// All that is known of one parameter, from whichever entries mention it.
struct Parameter {
  ParamAttr param;
  llvm::StringMap<Kept> tensors; ///< value, exp_avg, exp_avg_sq, gradient
};

class Writer {
public:
  Writer(ModuleOp module, const TargetName &target, const Cpu &cpu, const Mesh &mesh,
         llvm::raw_ostream &os)
      : module(module), target(target), cpu(cpu), mesh(mesh), json(os) {}
  void write();

private:
  void writeHeader();
  void writeFlops();
  void writeArena(DictionaryAttr arena);
  void collectParameters();
  void addParameter(DictionaryAttr attributes, Type type);
  void writeParameter(const Parameter &parameter);
  void writeEntry(func::FuncOp entry);
  void writeValue(StringRef name, DictionaryAttr attributes, Type type);
  void writePlacement(RankedTensorType type, DictionaryAttr attributes);
  Layout getLayout(RankedTensorType type, DictionaryAttr attributes) const;
  void writeAxes(ArrayRef<AxisRef> axes);
  void writeShape(StringRef name, ArrayRef<int64_t> shape);
  void writeSlot(SlotAttr slot);
  void writeCollective(Operation *op, int64_t number);
  void writeCollectiveKind(Operation *op);

  ModuleOp module;
  const TargetName &target;
  const Cpu &cpu;
  const Mesh &mesh;
  llvm::json::OStream json;
  llvm::MapVector<StringRef, Parameter, llvm::StringMap<unsigned>> parameters;
};
} // namespace

/// The manifest's spelling of tpc_dtype; checked by verifyTypes.
static StringRef getDtype(Type type) {
  static constexpr StringLiteral names[] = {"f32", "f64", "bf16", "i32", "i64", "i1"};
  return names[*getRuntimeDtype(getElementTypeOrSelf(type))];
}

//===-- parts that values share ------------------------------------------------===//

void Writer::writeShape(StringRef name, ArrayRef<int64_t> shape) {
  json.attributeArray(name, [&] {
    for (int64_t size : shape)
      json.value(size);
  });
}

void Writer::writeSlot(SlotAttr slot) {
  json.attribute("space", stringifySlotSpace(slot.getSpace()));
  json.attribute("offset", slot.getOffset());
}

void Writer::writeAxes(ArrayRef<AxisRef> axes) {
  for (const AxisRef &axis : axes)
    json.object([&] {
      json.attribute("axis", mesh.axes[axis.axis].name);
      json.attribute("pre", axis.pre);
      json.attribute("size", axis.size);
    });
}

/// The shape that people know: before localization, without padding.
static ArrayRef<int64_t> getLogicalShape(RankedTensorType type, DictionaryAttr attributes) {
  if (auto shape = attributes.getAs<DenseI64ArrayAttr>(TPCDialect::kLogicalShape))
    return shape;
  auto global = attributes.getAs<GlobalAttr>(TPCDialect::kGlobal);
  return global ? global.getShape() : type.getShape();
}

/// A value without tpc.global is whole on every rank.
Layout Writer::getLayout(RankedTensorType type, DictionaryAttr attributes) const {
  auto global = attributes.getAs<GlobalAttr>(TPCDialect::kGlobal);
  return global ? global.getLayout().getLayout(mesh) : Layout::replicated(type.getRank());
}

void Writer::writePlacement(RankedTensorType type, DictionaryAttr attributes) {
  writeShape("global_shape", getLogicalShape(type, attributes));
  writeShape("local_shape", type.getShape());
  json.attributeArray("dims", [&] {
    for (const AxisList &axes : getLayout(type, attributes).dims)
      json.array([&] { writeAxes(axes); });
  });
}

//===-- header -----------------------------------------------------------------===//

template <typename AttrType>
static AttrType getModelAttr(ModuleOp module, StringRef name) {
  auto model = module->getAttrOfType<DictionaryAttr>(TPCDialect::kModel);
  return model ? model.getAs<AttrType>(name) : AttrType();
}

void Writer::writeHeader() {
  auto number = [&](StringRef name) {
    auto value = getModelAttr<IntegerAttr>(module, name);
    json.attribute(name, value ? value.getInt() : int64_t(1));
  };
  auto mode = getModelAttr<StringAttr>(module, "mode");
  json.attribute("tpc_manifest", 1);
  json.attribute("mode", mode                          ? mode.getValue()
                         : module.lookupSymbol("step") ? "train"
                                                       : "forward");
  json.attributeObject("target", [&] {
    json.attribute("name", target.name);
    if (target.isCuda())
      json.attribute("arch", target.arch);
  });
  auto precision = getModelAttr<StringAttr>(module, "precision");
  json.attribute("precision", precision ? precision.getValue() : "f32");
  json.attribute("cpu", cpu.name);
  json.attributeArray("cpu_features", [&] {
    for (const std::string &feature : cpu.features)
      json.value(feature);
  });
  json.attributeObject("mesh", [&] {
    json.attributeArray("axes", [&] {
      for (const MeshAxis &axis : mesh.axes)
        json.object([&] {
          json.attribute("name", axis.name);
          json.attribute("size", axis.size);
        });
    });
  });
  number("batch");
  number("sequence");
  number("vocabulary");
  auto config = getModelAttr<StringAttr>(module, "config");
  json.attribute("model", config ? config.getValue() : "{}");
}

void Writer::writeFlops() {
  auto entry = module.lookupSymbol<func::FuncOp>("step");
  if (!entry)
    entry = module.lookupSymbol<func::FuncOp>("forward");
  auto counted = entry ? entry->getAttrOfType<FloatAttr>(TPCDialect::kFlops) : FloatAttr();
  double flops = counted ? counted.getValueAsDouble() : 0;
  auto batch = getModelAttr<IntegerAttr>(module, "batch"),
       sequence = getModelAttr<IntegerAttr>(module, "sequence");
  int64_t tokens = batch && sequence ? batch.getInt() * sequence.getInt() : 1;
  json.attribute("flops_per_step", flops);
  if (auto peak = module->getAttrOfType<DictionaryAttr>(kPeak))
    json.attributeObject("peak", [&] {
      json.attribute("machine", peak.getAs<StringAttr>("machine").getValue());
      json.attribute("flops", peak.getAs<FloatAttr>("flops").getValueAsDouble());
    });
  json.attribute("flops_per_token", tokens ? std::floor(flops / static_cast<double>(tokens)) : 0);
}

void Writer::writeArena(DictionaryAttr arena) {
  auto write = [&](StringRef name, StringRef key) {
    auto bytes = arena.getAs<IntegerAttr>(key);
    json.attribute(name, bytes ? bytes.getInt() : int64_t(0));
  };
  json.attributeObject("arena", [&] {
    write("private", "private");
    write("communication", "shared");
    write("packing", "packing");
    write("workspace_per_thread", "workspace_per_thread");
    json.attributeObject("peak", [&] {
      constexpr auto workspace = static_cast<unsigned>(SlotCategory::Workspace);
      for (unsigned category = 0; category != workspace; ++category) {
        StringRef name = stringifySlotCategory(static_cast<SlotCategory>(category));
        write(name, name);
      }
    });
  });
}

//===-- parameters -------------------------------------------------------------===//

void Writer::addParameter(DictionaryAttr attributes, Type type) {
  Kept kept{cast<RankedTensorType>(type), attributes};
  if (auto gradient = attributes.getAs<StringAttr>(TPCDialect::kGradient)) {
    if (auto found = parameters.find(gradient.getValue()); found != parameters.end())
      found->second.tensors["gradient"] = kept;
    return;
  }
  auto param = attributes.getAs<ParamAttr>(TPCDialect::kParam);
  if (!param)
    return;
  auto state = attributes.getAs<StringAttr>(TPCDialect::kState);
  Parameter &parameter = parameters[param.getName()];
  parameter.tensors[state ? state.getValue() : "value"] = kept;
  if (!state)
    parameter.param = param;
}

void Writer::collectParameters() {
  for (func::FuncOp entry : getEntries(module)) {
    for (auto [number, type] : llvm::enumerate(entry.getArgumentTypes()))
      addParameter(entry.getArgAttrDict(number), type);
    for (auto [number, type] : llvm::enumerate(entry.getResultTypes()))
      addParameter(entry.getResultAttrDict(number), type);
  }
}

/// State and gradients have a placement of their own where they are not split as the value is.
void Writer::writeParameter(const Parameter &parameter) {
  const Kept &value = parameter.tensors.find("value")->second;
  json.object([&] {
    json.attribute("name", parameter.param.getName());
    writeShape("shape", parameter.param.getShape());
    json.attribute("dtype", getDtype(value.type));
    writePlacement(value.type, value.attributes);
    json.attribute("layout", toDTensorString(getLayout(value.type, value.attributes), mesh));
    for (StringRef name : {"value", "exp_avg", "exp_avg_sq", "gradient"}) {
      auto found = parameter.tensors.find(name);
      if (found == parameter.tensors.end())
        continue;
      const Kept &kept = found->second;
      json.attributeObject(name, [&] {
        writeSlot(kept.getSlot());
        if (kept.getGlobal() != value.getGlobal())
          writePlacement(kept.type, kept.attributes);
      });
    }
  });
}

//===-- entries ----------------------------------------------------------------===//

void Writer::writeValue(StringRef name, DictionaryAttr attributes, Type type) {
  json.object([&] {
    json.attribute("name", name);
    json.attribute("dtype", getDtype(type));
    writePlacement(cast<RankedTensorType>(type), attributes);
    writeSlot(attributes.getAs<SlotAttr>(TPCDialect::kSlot));
  });
}

/// True for results that are parameters, state or gradients: those are listed with the parameters.
static bool belongsToParameter(DictionaryAttr attributes) {
  return attributes.contains(TPCDialect::kParam) || attributes.contains(TPCDialect::kAlias) ||
         attributes.contains(TPCDialect::kGradient);
}

void Writer::writeEntry(func::FuncOp entry) {
  auto writeAll = [&](StringRef title, TypeRange types, StringRef nameAttr, StringRef fallback,
                      auto getAttributes) {
    json.attributeArray(title, [&] {
      for (auto [number, type] : llvm::enumerate(types)) {
        DictionaryAttr attributes = getAttributes(number);
        if (belongsToParameter(attributes))
          continue;
        auto name = attributes.getAs<StringAttr>(nameAttr);
        std::string text = name ? name.str() : (fallback + llvm::Twine(number)).str();
        writeValue(text, attributes, type);
      }
    });
  };
  json.attributeObject(entry.getName(), [&] {
    writeAll("inputs", entry.getArgumentTypes(), TPCDialect::kInput, "arg",
             [&](unsigned i) { return entry.getArgAttrDict(i); });
    writeAll("outputs", entry.getResultTypes(), TPCDialect::kOutput, "result",
             [&](unsigned i) { return entry.getResultAttrDict(i); });
  });
}

//===-- collectives ------------------------------------------------------------===//

void Writer::writeCollectiveKind(Operation *op) {
  auto reduction = [&](ReductionKind kind) {
    static constexpr StringLiteral names[] = {"sum", "max", "min"};
    json.attribute("reduction", names[static_cast<unsigned>(kind)]);
  };
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](AllReduceOp op) { reduction(op.getKind().getValue()); })
      .Case([&](AllGatherOp op) { json.attribute("dim", static_cast<int64_t>(op.getDim())); })
      .Case([&](ReduceScatterOp op) {
        reduction(op.getKind().getValue());
        json.attribute("dim", static_cast<int64_t>(op.getDim()));
      })
      .Case([&](AllToAllOp op) {
        json.attribute("split_dim", static_cast<int64_t>(op.getSplitDim()));
        json.attribute("concat_dim", static_cast<int64_t>(op.getConcatDim()));
      })
      .Case([&](PermuteOp op) {
        json.attributeArray("pairs", [&] {
          for (size_t i = 0; i + 1 < op.getPairs().size(); i += 2)
            json.array([&] {
              json.value(op.getPairs()[i]);
              json.value(op.getPairs()[i + 1]);
            });
        });
      });
}

/// "tutorial.yaml:9" if a line of a file led to an op, else empty.
static std::string getShortLine(Location loc) {
  auto file = dyn_cast_if_present<FileLineColRange>(getAnnotation(loc));
  if (!file)
    return {};
  StringRef name = llvm::sys::path::filename(file.getFilename());
  return (name + ":" + llvm::Twine(file.getStartLine())).str();
}

void Writer::writeCollective(Operation *op, int64_t number) {
  AxisList axes = tpc::getAxes(op->getAttrOfType<ArrayAttr>("axes"), mesh);
  json.object([&] {
    json.attribute("index", number);
    json.attribute("op", op->getName().stripDialect());
    json.attributeArray("axes", [&] { writeAxes(axes); });
    json.attributeArray("groups", [&] {
      for (ArrayRef<int64_t> group : getGroups(axes, mesh))
        json.array([&] {
          for (int64_t rank : group)
            json.value(rank);
        });
    });
    writeCollectiveKind(op);
    json.attribute("dtype", getDtype(op->getOperand(0).getType()));
    json.attributeArray("operands", [&] {
      for (auto [input, output] :
           llvm::zip_equal(op->getOperandTypes(), getDelivered(op).getTypes()))
        json.object([&, input = input, output = output] {
          writeShape("input_shape", cast<RankedTensorType>(input).getShape());
          writeShape("output_shape", cast<RankedTensorType>(output).getShape());
        });
    });
    json.attribute("module", getModuleName(op->getLoc()));
    json.attribute("location", getShortLine(op->getLoc()));
  });
}

//===-- the whole --------------------------------------------------------------===//

void Writer::write() {
  collectParameters();
  json.object([&] {
    writeHeader();
    writeFlops();
    writeArena(module->getAttrOfType<DictionaryAttr>(TPCDialect::kArena));
    json.attributeArray("parameters", [&] {
      for (auto &[name, parameter] : parameters)
        if (parameter.param)
          writeParameter(parameter);
    });
    json.attributeObject("entries", [&] {
      for (func::FuncOp entry : getEntries(module))
        writeEntry(entry);
    });
    json.attributeArray("collectives", [&] {
      for (auto [number, op] : llvm::enumerate(getCollectives(module)))
        writeCollective(op, number);
    });
  });
}

/// Every value that the runtime touches is a tensor of a type it knows, with a slot.
static LogicalResult verifyTypes(TypeRange types, Location loc) {
  for (Type type : types)
    if (!isa<RankedTensorType>(type) || !getRuntimeDtype(getElementTypeOrSelf(type)))
      return emitError(loc) << "type " << type << " cannot cross the program's interface";
  return success();
}

static LogicalResult verifyInterface(func::FuncOp entry) {
  if (failed(verifyTypes(entry.getArgumentTypes(), entry.getLoc())) ||
      failed(verifyTypes(entry.getResultTypes(), entry.getLoc())))
    return failure();
  auto hasSlot = [](DictionaryAttr attributes) {
    return attributes && attributes.contains(TPCDialect::kSlot);
  };
  for (unsigned number = 0, count = entry.getNumArguments(); number != count; ++number)
    if (!hasSlot(entry.getArgAttrDict(number)))
      return entry.emitOpError("argument ") << number << " has no slot";
  for (unsigned number = 0, count = entry.getNumResults(); number != count; ++number)
    if (!hasSlot(entry.getResultAttrDict(number)))
      return entry.emitOpError("result ") << number << " has no slot";
  return success();
}

FailureOr<std::string> tpc::buildManifest(ModuleOp module, const Cpu &cpu) {
  MeshOp mesh = getMesh(module);
  if (!mesh)
    return module.emitError("expects one tpc.mesh");
  if (!module->hasAttr(TPCDialect::kArena))
    return module.emitError("expects planned memory; tpc-plan-memory attaches tpc.arena");
  for (func::FuncOp entry : getEntries(module))
    if (failed(verifyInterface(entry)))
      return failure();
  for (Operation *op : getCollectives(module))
    if (failed(verifyTypes(op->getOperandTypes(), op->getLoc())))
      return failure();
  FailureOr<TargetName> target = getTarget(module);
  if (failed(target))
    return failure();
  std::string text;
  llvm::raw_string_ostream os(text);
  Writer(module, *target, cpu, mesh.getMesh().getMesh(), os).write();
  return text;
}
