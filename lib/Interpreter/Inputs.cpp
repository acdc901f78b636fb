//===- Inputs.cpp - values for a function's arguments --------------------------===//

#include "tpc/Interpreter/Inputs.h"
#include "tpc_random.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace mlir;
using namespace tpc;

static std::string getName(func::FuncOp function, unsigned number) {
  std::string name;
  if (auto param = function.getArgAttrOfType<ParamAttr>(number, TPCDialect::kParam))
    name = param.getName().str();
  if (auto state = function.getArgAttrOfType<StringAttr>(number, TPCDialect::kState))
    name += ":" + state.getValue().str();
  if (auto input = function.getArgAttrOfType<StringAttr>(number, TPCDialect::kInput))
    name = input.getValue().str();
  return name.empty() ? "argument " + std::to_string(number) : name;
}

/// The shape before localization.
static ArrayRef<int64_t> getPaddedShape(func::FuncOp function, unsigned number) {
  if (auto global = function.getArgAttrOfType<GlobalAttr>(number, TPCDialect::kGlobal))
    return global.getShape();
  auto tensor = dyn_cast<RankedTensorType>(function.getArgumentTypes()[number]);
  return tensor ? tensor.getShape() : ArrayRef<int64_t>();
}

/// The shape before padding.
static ArrayRef<int64_t> getGlobalShape(func::FuncOp function, unsigned number) {
  auto logical = function.getArgAttrOfType<DenseI64ArrayAttr>(number, TPCDialect::kLogicalShape);
  return logical ? logical.asArrayRef() : getPaddedShape(function, number);
}

/// Padding is zero in parameters and their state, and the worst elsewhere.
static Tensor pad(const Tensor &tensor, func::FuncOp function, unsigned number) {
  Tensor padded = Tensor::zeros(getPaddedShape(function, number));
  bool isInteger = getElementTypeOrSelf(function.getArgumentTypes()[number]).isIntOrIndex();
  if (!function.getArgAttr(number, TPCDialect::kParam))
    std::fill(padded.data.begin(), padded.data.end(), isInteger ? 1 << 30 : std::nan(""));
  padded.insert(tensor, SmallVector<int64_t>(tensor.rank(), 0));
  return padded;
}

static std::optional<double> getUsualValue(StringRef name) {
  return llvm::StringSwitch<std::optional<double>>(name)
      .Case("learning_rate", 1e-3)
      .Case("beta1", 0.9)
      .Case("beta2", 0.99)
      .Case("eps", 1e-8)
      .Case("weight_decay", 0.1)
      .Cases({"clip", "step", "init_scheme"}, 1)
      .Case("seed", 0)
      .Case("ignore_index", 1)
      .Default(std::nullopt);
}

Tensor tpc::makeInput(func::FuncOp function, unsigned number, const InputOptions &options) {
  std::string name = getName(function, number);
  Tensor tensor = Tensor::zeros(getGlobalShape(function, number));
  std::optional<double> usual = getUsualValue(name);
  bool isInteger = getElementTypeOrSelf(function.getArgumentTypes()[number]).isIntOrIndex();
  bool isVariance = StringRef(name).ends_with("exp_avg_sq");
  uint64_t stream = tpc_random_stream(name.c_str());
  for (int64_t i = 0; i < tensor.size(); ++i) {
    double uniform = tpc_random_uniform(options.seed, stream, i);
    double value = options.kind == InputKind::Quarters
                       ? std::floor(uniform * 17) / 4 - 2
                       : 0.5 * tpc_random_normal(options.seed, stream, i);
    tensor.data[i] = usual && tensor.rank() == 0 ? *usual
                     : isInteger                 ? std::floor(uniform * options.ids)
                     : isVariance                ? std::fabs(value)
                                                 : value;
  }
  return pad(tensor, function, number);
}
