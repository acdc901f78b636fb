//===- PrintModules.cpp - the table of --list-modules --------------------------===//

#include "PlanRequests.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Frontend/ApplyPlan.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace tpc;

static void printShape(func::FuncOp function, BlockArgument argument, StringRef label,
                       raw_ostream &os) {
  if (!argument)
    return;
  auto param = function.getArgAttrOfType<ParamAttr>(argument.getArgNumber(), TPCDialect::kParam);
  os << "  " << label << " [";
  llvm::interleaveComma(param.getShape(), os);
  os << "]";
}

void tpc::printModules(ModuleOp module, raw_ostream &os) {
  for (auto function : module.getOps<func::FuncOp>()) {
    ParameterFinder finder(function);
    for (const auto &[name, ports] : collectModules(function)) {
      os << name << "  (" << stringifyModuleKind(ports.kind) << ")";
      ModuleParameters parameters = finder.find(name, ports);
      printShape(function, parameters.weight, "weight", os);
      printShape(function, parameters.bias, "bias", os);
      os << "  ";
      llvm::interleaveComma(getAdmittedStyles(ports.kind), os);
      os << "\n";
    }
  }
}
