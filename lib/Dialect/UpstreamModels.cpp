//===- UpstreamModels.cpp - the tpc interfaces of upstream ops -----------------===//
//
// Elementwise ops of arith and math share one rule: every dimension is a pass-through factor. They
// differ in which operands they are linear in.
//
//===----------------------------------------------------------------------===//

#include "UpstreamSlices.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Dialect/RuleBuilder.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

OpOperand *tpc::getIntegerDivisor(Operation *op) {
  return isa<arith::DivSIOp, arith::FloorDivSIOp, arith::CeilDivSIOp, arith::RemSIOp>(op)
             ? &op->getOpOperand(1)
             : nullptr;
}

/// Sets of operands in which an elementwise op is jointly linear (ShardingRule::linearSets).
template <typename OpType>
static LinearSets getLinearSets() {
  if constexpr (llvm::is_one_of<OpType, arith::AddFOp, arith::SubFOp, arith::AddIOp,
                                arith::SubIOp>::value)
    return {{0, 1}};
  if constexpr (llvm::is_one_of<OpType, arith::MulFOp, arith::MulIOp>::value)
    return {{0}, {1}};
  // Each summand is rounded, as a bf16 sum over ranks has it.
  if constexpr (llvm::is_one_of<OpType, arith::NegFOp, arith::DivFOp, arith::ExtFOp,
                                arith::TruncFOp>::value)
    return {{0}};
  if constexpr (std::is_same_v<OpType, arith::SelectOp>)
    return {{1, 2}};
  if constexpr (std::is_same_v<OpType, math::FmaOp>)
    return {{0, 2}, {1, 2}};
  return {};
}

namespace {
template <typename OpType>
struct ElementwiseRule : ShardingRuleOpInterface::ExternalModel<ElementwiseRule<OpType>, OpType> {
  ShardingRule getShardingRule(Operation *op) const {
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    std::string dims;
    for (int64_t dim = 0, rank = type ? type.getRank() : 0; dim < rank; ++dim)
      dims += static_cast<char>('a' + dim);
    SmallVector<std::string> operands(op->getNumOperands(), dims);
    return buildRule(op, operands, {dims}, {}, {}, getLinearSets<OpType>());
  }
};

template <typename OpType>
struct ElementwiseCost : CostOpInterface::ExternalModel<ElementwiseCost<OpType>, OpType> {
  int64_t getFlops(Operation *op) const {
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    return type ? type.getNumElements() : 1;
  }
};

/// Constants have no operands and any layout.
struct ConstantRule : ShardingRuleOpInterface::ExternalModel<ConstantRule, arith::ConstantOp> {
  ShardingRule getShardingRule(Operation *op) const {
    return ElementwiseRule<arith::CmpFOp>().getShardingRule(
        op); // of an op that is linear in nothing
  }
};

/// Collapsing and expanding: each dimension of the collapsed side is the product of its group,
/// major to minor.
template <typename OpType, bool expands>
struct ReshapeRule : ShardingRuleOpInterface::ExternalModel<ReshapeRule<OpType, expands>, OpType> {
  ShardingRule getShardingRule(Operation *op) const {
    auto reshape = cast<OpType>(op);
    Value expanded = expands ? op->getResult(0) : op->getOperand(0);
    ShardingRule rule;
    TensorMapping fine, coarse;
    for (auto [dim, size] :
         llvm::enumerate(cast<RankedTensorType>(expanded.getType()).getShape())) {
      rule.factors.push_back({size, FactorKind::PassThrough, ReductionKind::Sum,
                              std::string(1, static_cast<char>('a' + dim))});
      fine.push_back({static_cast<unsigned>(dim)});
    }
    for (ArrayRef<int64_t> group : reshape.getReassociationIndices()) {
      coarse.emplace_back();
      for (int64_t dim : group) {
        coarse.back().push_back(dim);
        rule.factors[dim].exact = group.size() > 1; // padding would lie between elements
      }
    }
    rule.operands.push_back(expands ? coarse : fine);
    rule.operands.resize(op->getNumOperands());
    rule.results.push_back(expands ? fine : coarse);
    rule.linearSets = {{0}};
    return rule;
  }
};
} // namespace

template <typename... OpTypes>
static void attachElementwise(MLIRContext *context) {
  (OpTypes::template attachInterface<ElementwiseRule<OpTypes>, ElementwiseCost<OpTypes>>(*context),
   ...);
}

void tpc::registerUpstreamModels(DialectRegistry &registry) {
  registerUpstreamDifferentiation(registry);
  registerUpstreamSlices(registry);
  registry.addExtension(+[](MLIRContext *context, arith::ArithDialect *) {
    attachElementwise<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::NegFOp,
                      arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp,
                      arith::RemFOp, arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::DivSIOp,
                      arith::FloorDivSIOp, arith::CeilDivSIOp, arith::RemSIOp, arith::MaxSIOp,
                      arith::MinSIOp, arith::AndIOp, arith::OrIOp, arith::XOrIOp, arith::CmpIOp,
                      arith::CmpFOp, arith::SelectOp, arith::SIToFPOp, arith::UIToFPOp,
                      arith::FPToSIOp, arith::ExtFOp, arith::TruncFOp, arith::ExtUIOp,
                      arith::ExtSIOp, arith::TruncIOp>(context);
    arith::ConstantOp::attachInterface<ConstantRule>(*context);
  });
  registry.addExtension(+[](MLIRContext *context, math::MathDialect *) {
    attachElementwise<math::ExpOp, math::Exp2Op, math::ExpM1Op, math::LogOp, math::Log2Op,
                      math::Log10Op, math::Log1pOp, math::SqrtOp, math::RsqrtOp, math::CbrtOp,
                      math::PowFOp, math::ErfOp, math::ErfcOp, math::SinOp, math::CosOp,
                      math::TanOp, math::AsinOp, math::AcosOp, math::AtanOp, math::Atan2Op,
                      math::SinhOp, math::CoshOp, math::TanhOp, math::AsinhOp, math::AcoshOp,
                      math::AtanhOp, math::FloorOp, math::CeilOp, math::RoundOp, math::RoundEvenOp,
                      math::TruncOp, math::AbsFOp, math::AbsIOp, math::CopySignOp, math::FmaOp>(
        context);
  });
  registry.addExtension(+[](MLIRContext *context, tensor::TensorDialect *) {
    tensor::ExpandShapeOp::attachInterface<ReshapeRule<tensor::ExpandShapeOp, true>>(*context);
    tensor::CollapseShapeOp::attachInterface<ReshapeRule<tensor::CollapseShapeOp, false>>(*context);
  });
}
