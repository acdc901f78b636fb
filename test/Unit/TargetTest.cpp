// Objects and executables. Linking runs the compiler that the build was configured with.
#include "tpc/Target/Target.h"
#include "mlir/Parser/Parser.h"
#include "tpc/InitAllDialects.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"
#include <fstream>

using namespace mlir;
using namespace tpc;

namespace {
/// A C program in the LLVM dialect that returns 7.
constexpr const char *kSeven = R"(
  llvm.func @tpc_entry_seven() -> i32 attributes {no_inline, optimize_none} {
    %0 = llvm.mlir.constant(7 : i32) : i32
    llvm.return %0 : i32
  }
  llvm.func @kernel(%p: !llvm.ptr) { llvm.return }
)";

class TargetTest : public ::testing::Test {
protected:
  TargetTest() {
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    llvm::sys::fs::createUniqueDirectory("tpc-target", folder);
  }
  ~TargetTest() override { llvm::sys::fs::remove_directories(folder); }

  std::string object(const char *text, const Cpu &cpu) {
    auto module = parseSourceString<ModuleOp>(text, &context);
    llvm::SmallString<0> bytes;
    llvm::raw_svector_ostream os(bytes);
    return module && succeeded(emitObject(*module, cpu, os)) ? bytes.str().str() : "";
  }
  /// Text of the diagnostics of a link that fails.
  std::string linkError(StringRef output, const LinkOptions &options) {
    std::string text;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      text += diagnostic.str() + "\n";
      for (Diagnostic &note : diagnostic.getNotes())
        text += note.str() + "\n";
    });
    EXPECT_TRUE(
        failed(linkExecutable("not an object", output, options, UnknownLoc::get(&context))));
    return text;
  }
  /// How many files lie in the test's folder.
  size_t countFiles() {
    size_t count = 0;
    std::error_code error;
    for (llvm::sys::fs::directory_iterator it(folder, error), end; it != end && !error;
         it.increment(error))
      ++count;
    return count;
  }
  /// Empty files in the place of the runtime for the processor.
  void writeArchives() {
    for (StringRef name : {"libtpc_main.a", "libtpc_runtime.a", "libtpc_runtime_cpu.a"})
      write(name, "");
  }
  void write(StringRef name, StringRef text) {
    std::ofstream((folder + "/" + name).str()) << text.str();
  }

  MLIRContext context;
  llvm::SmallString<128> folder;
};
} // namespace

TEST_F(TargetTest, KnowsProcessors) {
  auto cpu = getCpu("x86-64-v3", UnknownLoc::get(&context));
  ASSERT_TRUE(succeeded(cpu));
  EXPECT_EQ(cpu->name, "x86-64-v3");
  EXPECT_TRUE(llvm::is_contained(cpu->features, "avx2"));
  EXPECT_FALSE(llvm::is_contained(cpu->features, "avx512f"));
  auto native = getCpu("native", UnknownLoc::get(&context));
  ASSERT_TRUE(succeeded(native));
  EXPECT_NE(native->name, "native");
}

TEST_F(TargetTest, ModelsListWhatTheyImply) {
  auto cpu = getCpu("haswell", UnknownLoc::get(&context));
  ASSERT_TRUE(succeeded(cpu));
  EXPECT_TRUE(llvm::is_contained(cpu->features, "avx2"));
  EXPECT_FALSE(llvm::is_contained(cpu->features, "avx512f"));
}

TEST_F(TargetTest, FeaturesAreSpelledForLlvm) {
  Cpu cpu{"x86-64", {"avx2", "fma"}};
  EXPECT_EQ(cpu.getFeatureString(), "+avx2,+fma");
}

TEST_F(TargetTest, RefusesUnknownProcessors) {
  std::string text;
  ScopedDiagnosticHandler handler(&context,
                                  [&](Diagnostic &diagnostic) { text = diagnostic.str(); });
  EXPECT_TRUE(failed(getCpu("x86-64-v9", UnknownLoc::get(&context))));
  EXPECT_NE(text.find("unknown processor 'x86-64-v9'"), std::string::npos);
}

TEST_F(TargetTest, ObjectIsElf) {
  EXPECT_EQ(object(kSeven, Cpu{"x86-64-v2", {}}).substr(1, 3), "ELF");
}

TEST_F(TargetTest, FunctionsNameTheirProcessor) {
  auto module = parseSourceString<ModuleOp>(kSeven, &context);
  std::string text;
  llvm::raw_string_ostream os(text);
  ASSERT_TRUE(succeeded(emitLlvm(*module, Cpu{"x86-64-v3", {}}, os)));
  EXPECT_NE(text.find("\"target-cpu\"=\"x86-64-v3\""), std::string::npos);
  EXPECT_NE(text.find("define i32 @tpc_entry_seven"), std::string::npos);
  EXPECT_EQ(text.find("@kernel"), std::string::npos) << "internal and unused";
}

TEST_F(TargetTest, MissingRuntime) {
  std::string text = linkError((folder + "/out").str(), {folder.str().str(), ""});
  EXPECT_NE(text.find("libtpc_main.a is not in"), std::string::npos) << text;
}

TEST_F(TargetTest, MissingRuntimeOfATarget) {
  writeArchives();
  LinkOptions options{folder.str().str(), ""};
  options.cuda = true;
  std::string text = linkError((folder + "/out").str(), options);
  EXPECT_NE(text.find("libtpc_runtime_cuda.a is not in " + folder.str().str() +
                      ": it is built and installed with tpc-compile"),
            std::string::npos)
      << text;
}

TEST_F(TargetTest, MissingCompiler) {
  writeArchives();
  std::string text = linkError((folder + "/out").str(), {folder.str().str(), "no-such-compiler"});
  EXPECT_NE(text.find("there is no C++ compiler 'no-such-compiler'"), std::string::npos) << text;
  EXPECT_NE(text.find("CXX"), std::string::npos);
}

TEST_F(TargetTest, FailedLinkSaysWhyAndLeavesNothing) {
  writeArchives();
  std::string text = linkError((folder + "/out").str(), {folder.str().str(), ""});
  EXPECT_NE(text.find("cannot link '"), std::string::npos) << text;
  EXPECT_NE(text.find(".o"), std::string::npos) << "what the linker said: " << text;
  EXPECT_EQ(countFiles(), 3u) << "the archives only";
}

TEST_F(TargetTest, UnwritableFolder) {
  writeArchives();
  write("file", "");
  std::string text = linkError((folder + "/file/out").str(), {folder.str().str(), ""});
  EXPECT_NE(text.find("cannot write"), std::string::npos) << text;
}

TEST_F(TargetTest, LinkedProgramHasNoNameBeforeItIsComplete) {
  writeArchives();
  linkError((folder + "/out").str(), {folder.str().str(), "false"});
  EXPECT_FALSE(llvm::sys::fs::exists(folder + "/out"));
}
