// The compiler as one call: what it refuses before any work is done.
#include "tpc/Pipelines/Compile.h"
#include "mlir/IR/Diagnostics.h"
#include "tpc/InitAllDialects.h"
#include "llvm/Support/FileSystem.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace tpc;

namespace {
struct CompileTest : testing::Test {
  CompileTest() {
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    options.model = "no-such-model"; // an error of its own, once it is looked for
    options.target.name = "cuda", options.target.arch = "sm_90";
    options.cudaRuntime = false;
    options.output = testing::TempDir() + "no-program";
  }
  /// Text of the diagnostics of a compilation that fails.
  std::string compileError() {
    std::string text;
    ScopedDiagnosticHandler handler(
        &context, [&](Diagnostic &diagnostic) { text += diagnostic.str() + "\n"; });
    EXPECT_TRUE(failed(compile(options, &context)));
    EXPECT_FALSE(text.empty());
    return text;
  }

  MLIRContext context;
  CompileOptions options;
};
} // namespace

TEST_F(CompileTest, WithoutTheToolkitThereAreNoProgramsForAGpu) {
  for (Emit emit : {Emit::Llvm, Emit::Obj, Emit::Exe}) {
    options.emit = emit;
    std::string text = compileError();
    EXPECT_NE(text.find("made without the CUDA toolkit: install it"), std::string::npos) << text;
    EXPECT_NE(text.find("configure tpc anew"), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), text.size() - 1) << "one message: " << text;
    EXPECT_FALSE(llvm::sys::fs::exists(options.output));
  }
}

TEST_F(CompileTest, EarlierFormsNeedNoToolkit) {
  options.emit = Emit::Kernels;
  EXPECT_EQ(compileError().find("toolkit"), std::string::npos);
}

TEST_F(CompileTest, ProgramsForAProcessorNeedNoToolkit) {
  options.target = TargetName();
  EXPECT_EQ(compileError().find("toolkit"), std::string::npos);
}
