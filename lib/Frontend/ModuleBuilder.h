//===- ModuleBuilder.h - ops of a model's modules, with boundaries -------------===//

#ifndef TPC_LIB_FRONTEND_MODULEBUILDER_H
#define TPC_LIB_FRONTEND_MODULEBUILDER_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/ADT/StringMap.h"

namespace tpc {

/// Sizes of consecutive groups of dimensions: {1, 1, 3} is [[0], [1], [2, 3, 4]].
using Groups = llvm::ArrayRef<int64_t>;

/// Builds a model's modules. Ops between enter() and leave() are located at the module's name.
/// Parameters and what is computed inside a module are of the type `element`; between modules, and
/// where products are formed, values are of the type `compute`, which may be narrower.
class ModuleBuilder {
public:
  ModuleBuilder(mlir::OpBuilder builder, mlir::Type element, mlir::Type compute)
      : builder(mlir::UnknownLoc::get(builder.getContext()), builder), element(element),
        compute(compute) {}

  void setParameter(llvm::StringRef name, mlir::Value argument) { parameters[name] = argument; }
  bool hasParameter(llvm::StringRef name) const { return parameters.contains(name); }
  /// `tpc.use` of a parameter as it is.
  mlir::Value use(llvm::StringRef name);
  /// `tpc.use` of a parameter cast to `compute`.
  mlir::Value useNarrow(llvm::StringRef name);
  /// `value` in the type `element` or `compute`.
  mlir::Value widen(mlir::Value value);
  mlir::Value narrow(mlir::Value value);

  /// Input 0 of `module`; ops that follow belong to the module.
  mlir::Value enter(mlir::Value input, llvm::StringRef module, ModuleKind kind, Groups groups);
  /// Output 0 of `module`.
  mlir::Value leave(mlir::Value output, llvm::StringRef module, ModuleKind kind, Groups groups);

  /// A linear module: `equation` contracts the input with `weight` ("<module>.weight" if empty);
  /// its bias, if the model has one, has the result's dimensions after the first two.
  mlir::Value linear(mlir::Value input, llvm::StringRef module, llvm::StringRef equation,
                     Groups inputGroups, Groups outputGroups, llvm::StringRef weight = {});
  mlir::Value rmsNorm(mlir::Value input, llvm::StringRef module, double eps);
  /// x / (1 + exp(-x))
  mlir::Value silu(mlir::Value input);
  /// A tensor of `shape` and `element`, all `value`.
  mlir::Value splat(llvm::ArrayRef<int64_t> shape, double value);
  mlir::Value broadcast(mlir::Value input, llvm::ArrayRef<int64_t> shape,
                        llvm::ArrayRef<int64_t> dims);
  mlir::Value sum(mlir::Value input, llvm::ArrayRef<int64_t> dims);

  mlir::ImplicitLocOpBuilder builder;
  mlir::Type element, compute;

private:
  mlir::Value boundary(mlir::Value value, PortKind port, llvm::StringRef module, ModuleKind kind,
                       Groups groups);

  llvm::StringMap<mlir::Value> parameters, narrowParameters;
};

} // namespace tpc

#endif // TPC_LIB_FRONTEND_MODULEBUILDER_H
