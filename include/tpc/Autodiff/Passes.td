//===- Passes.td - from a loss to a training step ----------------*- tablegen -*-===//

#ifndef TPC_AUTODIFF_PASSES_TD
#define TPC_AUTODIFF_PASSES_TD

include "mlir/Pass/PassBase.td"

def Differentiate : Pass<"tpc-differentiate", "::mlir::ModuleOp"> {
  let summary = "Builds a function @step that returns the loss and the gradient of every parameter.";
  let description = [{
    Precondition: a function `@loss` with one result `tpc.output = "loss"`, a float scalar; parameters are the
    arguments with `tpc.param`. Postcondition: `@step`, a copy of `@loss` whose results are those of `@loss`, then one
    gradient per parameter in argument order with `tpc.gradient = "<name>"`. `@loss` stays, for evaluation.

    Reverse mode over `DifferentiableOpInterface`; new ops carry `tpc.backward`. Values that depend on no parameter
    get no cotangent. A parameter that the loss does not depend on is an error.

    Before:
    ```mlir
    func.func @loss(%w: tensor<f32> {tpc.param = ...}) -> (tensor<f32> {tpc.output = "loss"}) {
      %0 = arith.mulf %w, %w : tensor<f32>
      return %0 : tensor<f32>
    }
    ```
    After, in `@step`: `%d = arith.constant dense<1.0>`, `%1 = arith.mulf %d, %w`, `%2 = arith.mulf %d, %w`,
    `%3 = arith.addf %1, %2`, `return %0, %3`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::tpc::TPCDialect"];
  let statistics = [Statistic<"numBackwardOps", "backward-ops", "operations of the backward pass">];
}

def AppendOptimizer : Pass<"tpc-append-optimizer", "::mlir::ModuleOp"> {
  let summary = "Turns gradients into a training step with global-norm clipping and AdamW, and adds @init.";
  let description = [{
    Precondition: `@step` as `tpc-differentiate` leaves it. Postcondition: `@step` also takes the hyper-parameters
    (`learning_rate, beta1, beta2, eps, weight_decay, clip, step`, scalars, before the parameters) and the state
    (`exp_avg`, `exp_avg_sq` per parameter, after them), and returns

      loss, other outputs of the loss, grad_norm, new parameters, new exp_avg, new exp_avg_sq, gradients

    where new values carry `tpc.alias`, the number of the argument they update. New ops carry `tpc.update`.

    The norm is sqrt(sum of `tpc.sum_squares` over all gradients); the coefficient is min(1, clip / (norm + 1e-6)) as
    in PyTorch's clip_grad_norm_, and 1 if `clip` is not positive. Returned gradients are before clipping.
    `@init(seed, init_scheme)` returns initial parameters (`tpc.init`) and zero states.

    Layouts of gradients and state are constraints of their own: here they are copies of the parameter's.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::tpc::TPCDialect"];
}

#endif // TPC_AUTODIFF_PASSES_TD
