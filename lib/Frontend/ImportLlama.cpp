//===- ImportLlama.cpp - the functions of a Llama's program ---------------------===//

#include "LlamaGraph.h"
#include "LlamaParameters.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Frontend/Import.h"

using namespace mlir;
using namespace tpc;

namespace {
/// Makes the function of one mode: arguments, attributes, body.
class ProgramBuilder {
public:
  ProgramBuilder(const LlamaConfig &config, const ImportOptions &options, ModuleOp module)
      : config(config), options(options), builder(module.getBodyRegion()),
        parameters(getParameters(config)) {
    builder.setInsertionPointToEnd(module.getBody());
    element = options.precision == ModelPrecision::F64 ? Type(builder.getF64Type())
                                                       : Type(builder.getF32Type());
  }
  void build();

private:
  void addInput(StringRef name, ArrayRef<int64_t> shape);
  void addParameter(const Parameter &parameter);
  DictionaryAttr getAttrs(StringRef name, Attribute value) {
    return builder.getDictionaryAttr(builder.getNamedAttr(name, value));
  }

  const LlamaConfig &config;
  const ImportOptions &options;
  OpBuilder builder;
  std::vector<Parameter> parameters;
  Type element;
  SmallVector<Type> types;
  SmallVector<DictionaryAttr> attributes;
};
} // namespace

void ProgramBuilder::addInput(StringRef name, ArrayRef<int64_t> shape) {
  types.push_back(RankedTensorType::get(shape, builder.getI32Type()));
  attributes.push_back(getAttrs(TPCDialect::kInput, builder.getStringAttr(name)));
}

void ProgramBuilder::addParameter(const Parameter &parameter) {
  types.push_back(RankedTensorType::get(parameter.shape, element));
  auto attribute = ParamAttr::get(builder.getContext(), parameter.name, parameter.hfShape,
                                  parameter.kind, parameter.fanIn);
  attributes.push_back(getAttrs(TPCDialect::kParam, attribute));
}

void ProgramBuilder::build() {
  bool train = options.mode == Mode::Train;
  addInput("tokens", {options.batch, options.sequence});
  if (train) {
    addInput("targets", {options.batch, options.sequence});
    addInput("ignore_index", {});
  }
  unsigned inputs = types.size();
  for (const Parameter &parameter : parameters)
    addParameter(parameter);
  Location loc = NameLoc::get(builder.getStringAttr(train ? "loss" : "forward"));
  auto function = func::FuncOp::create(builder, loc, train ? "loss" : "forward",
                                       builder.getFunctionType(types, {}));
  function.setAllArgAttrs(attributes);
  Block *body = function.addEntryBlock();

  Type compute = options.precision == ModelPrecision::Bf16 ? Type(builder.getBF16Type()) : element;
  ModuleBuilder modules(OpBuilder::atBlockEnd(body), element, compute);
  for (auto [number, parameter] : llvm::enumerate(parameters))
    modules.setParameter(parameter.name, body->getArgument(inputs + number));
  LlamaGraph graph(config, modules);
  Value logits = graph.buildLogits(body->getArgument(0));
  SmallVector<Value> results;
  SmallVector<DictionaryAttr> names = {
      getAttrs(TPCDialect::kOutput, builder.getStringAttr("logits"))};
  if (train) {
    auto [loss, count] = graph.buildLoss(logits, body->getArgument(1), body->getArgument(2));
    results = {loss, count};
    names = {getAttrs(TPCDialect::kOutput, builder.getStringAttr("loss")),
             getAttrs(TPCDialect::kOutput, builder.getStringAttr("tokens"))};
  } else {
    results = {modules.widen(logits)};
  }
  func::ReturnOp::create(modules.builder, results);
  function.setType(builder.getFunctionType(types, ValueRange(results).getTypes()));
  function.setAllResultAttrs(names);
}

static LogicalResult checkOptions(const LlamaConfig &config, const ImportOptions &options,
                                  Location loc) {
  if (options.batch < 1 || options.sequence < 1)
    return emitError(loc) << "batch and sequence should be positive, got " << options.batch
                          << " and " << options.sequence;
  if (config.maxPositions && options.sequence > config.maxPositions)
    return emitError(loc) << "a sequence of " << options.sequence
                          << " exceeds the model's max_position_embeddings, "
                          << config.maxPositions;
  return success();
}

static StringRef getName(ModelPrecision precision) {
  switch (precision) {
  case ModelPrecision::F32:
    return "f32";
  case ModelPrecision::Bf16:
    return "bf16";
  case ModelPrecision::F64:
    return "f64";
  }
  llvm_unreachable("all are listed");
}

/// What later stages and the manifest need to know of the model.
static DictionaryAttr getModelAttr(const LlamaConfig &config, const ImportOptions &options,
                                   Builder builder) {
  return builder.getDictionaryAttr({
      builder.getNamedAttr("batch", builder.getI64IntegerAttr(options.batch)),
      builder.getNamedAttr("config", builder.getStringAttr(config.text)),
      builder.getNamedAttr("initializer_range", builder.getF64FloatAttr(config.initializerRange)),
      builder.getNamedAttr(
          "mode", builder.getStringAttr(options.mode == Mode::Train ? "train" : "forward")),
      builder.getNamedAttr("precision", builder.getStringAttr(getName(options.precision))),
      builder.getNamedAttr("sequence", builder.getI64IntegerAttr(options.sequence)),
      builder.getNamedAttr("vocabulary", builder.getI64IntegerAttr(config.vocabulary)),
  });
}

OwningOpRef<ModuleOp> tpc::importLlama(const LlamaConfig &config, const ImportOptions &options,
                                       MLIRContext *context) {
  Location loc = FileLineColLoc::get(context, config.path, 1, 1);
  if (failed(checkOptions(config, options, loc)))
    return {};
  context->loadDialect<TPCDialect, arith::ArithDialect, func::FuncDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  (*module)->setAttr(TPCDialect::kModel, getModelAttr(config, options, Builder(context)));
  auto builder = OpBuilder::atBlockBegin(module->getBody());
  MeshOp::create(builder, NameLoc::get(builder.getStringAttr("--mesh")), "mesh",
                 MeshAttr::get(context, options.mesh));
  ProgramBuilder(config, options, *module).build();
  return succeeded(checkSizes(*module)) ? std::move(module) : OwningOpRef<ModuleOp>();
}
