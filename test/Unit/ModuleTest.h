//===- ModuleTest.h - a fixture for tests on the text of a module ----------------===//

#ifndef TPC_TEST_UNIT_MODULETEST_H
#define TPC_TEST_UNIT_MODULETEST_H

#include "mlir/Parser/Parser.h"
#include "tpc/InitAllDialects.h"
#include "gtest/gtest.h"

namespace tpc::test {

/// Parses modules, and keeps the diagnostics of what a test does with them.
class ModuleTest : public testing::Test {
protected:
  ModuleTest()
      : context(makeRegistry()), handler(&context, [this](mlir::Diagnostic &diagnostic) {
          messages.push_back(diagnostic.str());
          return mlir::success();
        }) {}

  /// `body` behind a mesh; the first function is kept in `function`.
  void parse(llvm::StringRef mesh, llvm::StringRef body) {
    std::string text = ("tpc.mesh @mesh <" + mesh + ">\n" + body).str();
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module) << (messages.empty() ? "" : messages.front());
    function = *module->getOps<mlir::func::FuncOp>().begin();
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  std::vector<std::string> messages;

private:
  static mlir::DialectRegistry makeRegistry() {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    return registry;
  }
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace tpc::test

#endif // TPC_TEST_UNIT_MODULETEST_H
