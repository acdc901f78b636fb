//===- Link.cpp - an object and the runtime become an executable ---------------===//

#include "tpc/Target/Target.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"

using namespace mlir;
using namespace tpc;

namespace {
/// A file beside the output that goes away unless it is kept.
class AsideFile {
public:
  AsideFile(StringRef output, StringRef suffix) {
    error = llvm::sys::fs::createUniqueFile(output + ".%%%%%%" + suffix, descriptor, path);
    if (!error)
      llvm::sys::RemoveFileOnSignal(path);
  }
  ~AsideFile() {
    if (path.empty())
      return;
    llvm::sys::fs::remove(path);
    llvm::sys::DontRemoveFileOnSignal(path);
  }
  std::error_code rename(StringRef output) {
    std::error_code error = llvm::sys::fs::rename(path, output);
    if (!error) {
      llvm::sys::DontRemoveFileOnSignal(path);
      path.clear();
    }
    return error;
  }

  SmallString<128> path;
  int descriptor = -1;
  std::error_code error;
};

struct Linker {
  StringRef output;
  const LinkOptions &options;
  Location loc;

  LogicalResult run(StringRef object);
  LogicalResult writeObject(StringRef object, AsideFile &file);
  FailureOr<std::string> findCompiler();
  FailureOr<std::string> findRuntime();
  LogicalResult link(ArrayRef<StringRef> command);
};
} // namespace

FailureOr<std::string> Linker::findCompiler() {
  std::string name = options.compiler;
  if (name.empty())
    name = llvm::sys::Process::GetEnv("CXX").value_or("");
  if (name.empty())
    name = TPC_CXX_COMPILER;
  if (auto found = llvm::sys::findProgramByName(name))
    return *found;
  return emitError(loc) << "cannot link: there is no C++ compiler '" << name
                        << "'; install it or name another one in the environment variable CXX";
}

/// The runtime lies in ../lib of the compiler, in its build tree and where it is installed.
FailureOr<std::string> Linker::findRuntime() {
  SmallVector<std::string> folders;
  if (!options.runtimeFolder.empty()) {
    folders.push_back(options.runtimeFolder);
  } else {
    std::string program = llvm::sys::fs::getMainExecutable(nullptr, nullptr);
    StringRef root = llvm::sys::path::parent_path(llvm::sys::path::parent_path(program));
    folders = {(root + "/lib").str(), (root + "/" TPC_LIBRARY_FOLDER).str()};
  }
  for (const std::string &folder : folders)
    if (llvm::sys::fs::exists(folder + "/libtpc_runtime.a"))
      return folder;
  return emitError(loc) << "cannot link: libtpc_runtime.a is not in " << folders.front();
}

LogicalResult Linker::writeObject(StringRef object, AsideFile &file) {
  if (file.error)
    return emitError(loc) << "cannot write beside '" << output << "': " << file.error.message();
  llvm::raw_fd_ostream os(file.descriptor, /*shouldClose=*/true);
  os << object;
  os.close();
  if (!os.has_error())
    return success();
  std::string message = os.error().message();
  os.clear_error();
  return emitError(loc) << "cannot write '" << file.path << "': " << message;
}

/// Runs the linker; what it says goes into the diagnostic.
LogicalResult Linker::link(ArrayRef<StringRef> command) {
  SmallString<128> log;
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("tpc-link", "log", log))
    return emitError(loc) << "cannot link: no temporary file: " << error.message();
  llvm::scope_exit remove([&] { llvm::sys::fs::remove(log); });
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(log), StringRef(log)};
  std::string message;
  int status =
      llvm::sys::ExecuteAndWait(command.front(), command, std::nullopt, redirects, 0, 0, &message);
  if (status == 0)
    return success();
  InFlightDiagnostic diagnostic = emitError(loc)
                                  << "cannot link '" << output << "': " << command.front()
                                  << " ended with status " << status;
  if (!message.empty())
    diagnostic << ": " << message;
  if (auto text = llvm::MemoryBuffer::getFile(log); text && (*text)->getBufferSize())
    diagnostic.attachNote() << (*text)->getBuffer().rtrim().take_front(4000);
  return diagnostic;
}

/// lld links fastest; which name it has depends on the compiler that looks for it.
static StringRef getLinkerFlag(StringRef compiler) {
  if (llvm::sys::findProgramByName("ld.lld"))
    return "-fuse-ld=lld";
  if (compiler.contains("clang") && llvm::sys::findProgramByName("ld.lld-22"))
    return "-fuse-ld=lld-22";
  return "";
}

LogicalResult Linker::run(StringRef object) {
  FailureOr<std::string> compiler = findCompiler(), runtime = findRuntime();
  if (failed(compiler) || failed(runtime))
    return failure();
  if (StringRef folder = llvm::sys::path::parent_path(output); !folder.empty())
    if (std::error_code error = llvm::sys::fs::create_directories(folder))
      return emitError(loc) << "cannot write '" << output << "': " << error.message();
  AsideFile objectFile(output, ".o"), executable(output, "");
  if (failed(writeObject(object, objectFile)))
    return failure();
  if (executable.error)
    return emitError(loc) << "cannot write beside '" << output
                          << "': " << executable.error.message();
  llvm::sys::Process::SafelyCloseFileDescriptor(executable.descriptor);
  std::string main = *runtime + "/libtpc_main.a", library = *runtime + "/libtpc_runtime.a";
  SmallVector<StringRef> command = {*compiler,       "-o", executable.path,
                                    objectFile.path, main, library};
  SmallVector<StringRef> flags;
  StringRef(TPC_LINK_FLAGS).split(flags, ' ', -1, /*KeepEmpty=*/false);
  llvm::append_range(command, flags);
  if (StringRef flag = getLinkerFlag(*compiler); !flag.empty())
    command.push_back(flag);
  if (failed(link(command)))
    return failure();
  auto all = llvm::sys::fs::all_read | llvm::sys::fs::all_exe | llvm::sys::fs::owner_write;
  llvm::sys::fs::setPermissions(executable.path, all);
  if (std::error_code error = executable.rename(output))
    return emitError(loc) << "cannot write '" << output << "': " << error.message();
  return success();
}

LogicalResult tpc::linkExecutable(StringRef object, StringRef output, const LinkOptions &options,
                                  Location loc) {
  return Linker{output, options, loc}.run(object);
}
