//===- ModuleBuilder.cpp -------------------------------------------------------===//

#include "ModuleBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace tpc;

static RankedTensorType getType(Value value) { return cast<RankedTensorType>(value.getType()); }

//===-- modules and parameters -------------------------------------------------===//

Value ModuleBuilder::use(StringRef name) { return UseOp::create(builder, parameters.at(name)); }

Value ModuleBuilder::useNarrow(StringRef name) {
  Value &cast = narrowParameters[name];
  if (!cast)
    cast = narrow(parameters.at(name));
  return UseOp::create(builder, cast);
}

Value ModuleBuilder::widen(Value value) {
  RankedTensorType type = getType(value).clone(element);
  return type == value.getType() ? value : arith::ExtFOp::create(builder, type, value);
}

Value ModuleBuilder::narrow(Value value) {
  RankedTensorType type = getType(value).clone(compute);
  return type == value.getType() ? value : arith::TruncFOp::create(builder, type, value);
}

Value ModuleBuilder::boundary(Value value, PortKind port, StringRef module, ModuleKind kind,
                              Groups groups) {
  SmallVector<Attribute> dims;
  int64_t next = 0;
  for (int64_t size : groups) {
    auto numbers = llvm::to_vector(llvm::seq<int64_t>(next, next + size));
    dims.push_back(builder.getI64ArrayAttr(numbers));
    next += size;
  }
  return BoundaryOp::create(builder, value, port, /*index=*/0, kind, module,
                            builder.getArrayAttr(dims));
}

Value ModuleBuilder::enter(Value input, StringRef module, ModuleKind kind, Groups groups) {
  builder.setLoc(NameLoc::get(builder.getStringAttr(module)));
  return boundary(input, PortKind::Input, module, kind, groups);
}

Value ModuleBuilder::leave(Value output, StringRef module, ModuleKind kind, Groups groups) {
  builder.setLoc(NameLoc::get(builder.getStringAttr(module)));
  return boundary(output, PortKind::Output, module, kind, groups);
}

Value ModuleBuilder::linear(Value input, StringRef module, StringRef equation, Groups inputGroups,
                            Groups outputGroups, StringRef weight) {
  Value x = enter(input, module, ModuleKind::Linear, inputGroups);
  std::string name = weight.empty() ? (module + ".weight").str() : weight.str();
  Value y = ContractOp::create(builder, x, useNarrow(name), equation);
  std::string bias = (module + ".bias").str();
  if (hasParameter(bias)) {
    ArrayRef<int64_t> shape = getType(y).getShape();
    auto dims = llvm::to_vector(llvm::seq<int64_t>(2, shape.size()));
    y = narrow(arith::AddFOp::create(builder, widen(y), broadcast(use(bias), shape, dims)));
  }
  return leave(y, module, ModuleKind::Linear, outputGroups);
}

Value ModuleBuilder::rmsNorm(Value input, StringRef module, double eps) {
  Value x = enter(input, module, ModuleKind::Norm, {1, 1, 1});
  Value weight = use((module + ".weight").str());
  Value y = RmsNormOp::create(builder, x.getType(), x, weight, builder.getF64FloatAttr(eps));
  return leave(y, module, ModuleKind::Norm, {1, 1, 1});
}

//===-- arithmetic -------------------------------------------------------------===//

Value ModuleBuilder::silu(Value input) {
  Value decay = math::ExpOp::create(builder, arith::NegFOp::create(builder, input));
  Value one = splat(getType(input).getShape(), 1.0);
  return arith::DivFOp::create(builder, input, arith::AddFOp::create(builder, one, decay));
}

Value ModuleBuilder::splat(ArrayRef<int64_t> shape, double value) {
  auto type = RankedTensorType::get(shape, element);
  return arith::ConstantOp::create(
      builder, DenseElementsAttr::get(type, builder.getFloatAttr(element, value)));
}

Value ModuleBuilder::broadcast(Value input, ArrayRef<int64_t> shape, ArrayRef<int64_t> dims) {
  auto type = RankedTensorType::get(shape, getType(input).getElementType());
  return BroadcastOp::create(builder, type, input, builder.getDenseI64ArrayAttr(dims));
}

Value ModuleBuilder::sum(Value input, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(getType(input).getShape()))
    if (!llvm::is_contained(dims, static_cast<int64_t>(dim)))
      shape.push_back(size);
  auto kind = ReductionKindAttr::get(builder.getContext(), ReductionKind::Sum);
  return ReduceOp::create(builder, RankedTensorType::get(shape, getType(input).getElementType()),
                          kind, input, builder.getDenseI64ArrayAttr(dims));
}
