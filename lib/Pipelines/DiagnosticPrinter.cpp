//===- DiagnosticPrinter.cpp ---------------------------------------------------===//

#include "tpc/Pipelines/DiagnosticPrinter.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace tpc;

std::string tpc::toString(Location loc) {
  std::string text = "tpc";
  if (auto file = dyn_cast<FileLineColRange>(loc)) {
    text = file.getFilename().str();
    if (file.getStartLine())
      text +=
          ":" + std::to_string(file.getStartLine()) + ":" + std::to_string(file.getStartColumn());
  } else if (auto name = dyn_cast<NameLoc>(loc)) {
    text = name.getName().str();
  } else if (auto fused = dyn_cast<FusedLoc>(loc)) {
    text = toString(fused.getLocations().front());
  } else if (auto call = dyn_cast<CallSiteLoc>(loc)) {
    text = toString(call.getCallee());
  }
  return text;
}

static StringRef toString(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Note:
    return "note";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Error:
    return "error";
  case DiagnosticSeverity::Remark:
    return "remark";
  }
  return "error";
}

DiagnosticPrinter::DiagnosticPrinter(MLIRContext *context) : ScopedDiagnosticHandler(context) {
  setHandler([](Diagnostic &diagnostic) {
    auto print = [](Diagnostic &message) {
      llvm::errs() << tpc::toString(message.getLocation()) << ": "
                   << ::toString(message.getSeverity()) << ": " << message.str() << "\n";
    };
    print(diagnostic);
    for (Diagnostic &note : diagnostic.getNotes())
      print(note);
  });
}
