//===- Link.cpp - an object and the runtime become an executable ---------------===//

#include "tpc/Target/AsideFile.h"
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
struct Linker {
  StringRef output;
  const LinkOptions &options;
  Location loc;

  LogicalResult run(StringRef object);
  LogicalResult reportFullDisk(uint64_t bytes);
  FailureOr<std::string> findCompiler();
  FailureOr<std::string> findRuntime();
  LogicalResult link(ArrayRef<StringRef> command, uint64_t inputBytes);
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

/// The runtime's archives for a target, each before those it needs.
static ArrayRef<StringRef> getArchives(bool cuda) {
  static constexpr StringRef forCpu[] = {"libtpc_main.a", "libtpc_runtime_cpu.a",
                                         "libtpc_runtime.a"};
  static constexpr StringRef forCuda[] = {"libtpc_main.a", "libtpc_runtime_cuda.a",
                                          "libtpc_runtime.a"};
  return cuda ? forCuda : forCpu;
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
  auto isMissing = [](StringRef folder, StringRef archive) {
    return !llvm::sys::fs::exists(folder + "/" + archive);
  };
  ArrayRef<StringRef> archives = getArchives(options.cuda);
  for (const std::string &folder : folders)
    if (llvm::none_of(archives, [&](StringRef archive) { return isMissing(folder, archive); }))
      return folder;
  const std::string &folder = folders.front();
  return emitError(loc)
         << "cannot link: "
         << *llvm::find_if(archives, [&](StringRef archive) { return isMissing(folder, archive); })
         << " is not in " << folder << ": it is built and installed with tpc-compile";
}

/// Linkers that write by mapping the file die of a signal when the disk is full, so what they say
/// does not help: whether `bytes` would have fitted is asked of the file system.
LogicalResult Linker::reportFullDisk(uint64_t bytes) {
  StringRef folder = llvm::sys::path::parent_path(output);
  auto space = llvm::sys::fs::disk_space(folder.empty() ? "." : folder);
  if (!space || space->available >= bytes)
    return success();
  return emitError(loc) << "cannot write '" << output
                        << "': " << std::make_error_code(std::errc::no_space_on_device).message()
                        << " (" << space->available << " bytes are left)";
}

/// Runs the linker; what it says goes into the diagnostic. `inputBytes`: of all it reads, more than
/// it writes.
LogicalResult Linker::link(ArrayRef<StringRef> command, uint64_t inputBytes) {
  SmallString<128> log;
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("tpc-link", "log", log))
    return emitError(loc) << "cannot link: no temporary file: " << error.message();
  llvm::sys::RemoveFileOnSignal(log);
  llvm::scope_exit remove([&] {
    llvm::sys::fs::remove(log);
    llvm::sys::DontRemoveFileOnSignal(log);
  });
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(log), StringRef(log)};
  std::string message;
  int status =
      llvm::sys::ExecuteAndWait(command.front(), command, std::nullopt, redirects, 0, 0, &message);
  if (status == 0)
    return success();
  if (failed(reportFullDisk(inputBytes)))
    return failure();
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

/// lld writes into "NAME.tmp*" beside its output NAME and leaves that behind where it dies, as it
/// does of a full disk.
static void removeLeftovers(StringRef output) {
  std::error_code error;
  StringRef parent = llvm::sys::path::parent_path(output);
  for (llvm::sys::fs::directory_iterator it(parent.empty() ? "." : parent, error), end;
       !error && it != end; it.increment(error))
    if (llvm::sys::path::filename(it->path())
            .starts_with((llvm::sys::path::filename(output) + ".tmp").str()))
      llvm::sys::fs::remove(it->path());
}

LogicalResult Linker::run(StringRef object) {
  FailureOr<std::string> compiler = findCompiler(), runtime = findRuntime();
  if (failed(compiler) || failed(runtime))
    return failure();
  if (StringRef folder = llvm::sys::path::parent_path(output); !folder.empty())
    if (std::error_code error = llvm::sys::fs::create_directories(folder))
      return emitError(loc) << "cannot write '" << output << "': " << error.message();
  AsideFile objectFile(output, ".o"), executable(output);
  std::error_code error = objectFile.write([&](raw_ostream &os) { os << object; });
  if (error || (error = executable.getError()))
    return emitError(loc) << "cannot write beside '" << output << "': " << error.message();
  auto archives = llvm::map_to_vector(
      getArchives(options.cuda), [&](StringRef name) { return (*runtime + "/" + name).str(); });
  SmallVector<StringRef> command = {*compiler, "-o", executable.getPath(), objectFile.getPath()};
  llvm::append_range(command, archives);
  if (options.cuda)
    command.append({TPC_CUDART, "-static-libstdc++", "-static-libgcc", "-lrt"});
  for (StringRef flags :
       {StringRef(options.cuda ? "" : TPC_CPU_LINK_FLAGS), StringRef(TPC_LINK_FLAGS)})
    flags.split(command, ' ', -1, /*KeepEmpty=*/false);
  if (StringRef flag = getLinkerFlag(*compiler); !flag.empty())
    command.push_back(flag);
  uint64_t libraryBytes = 0;
  llvm::sys::fs::file_size(archives.back(), libraryBytes);
  if (failed(link(command, object.size() + libraryBytes))) {
    removeLeftovers(executable.getPath());
    return failure();
  }
  auto all = llvm::sys::fs::all_read | llvm::sys::fs::all_exe | llvm::sys::fs::owner_write;
  llvm::sys::fs::setPermissions(executable.getPath(), all);
  if ((error = executable.rename()))
    return emitError(loc) << "cannot write '" << output << "': " << error.message();
  return success();
}

bool tpc::hasCudaRuntime() { return !StringRef(TPC_CUDART).empty(); }

LogicalResult tpc::linkExecutable(StringRef object, StringRef output, const LinkOptions &options,
                                  Location loc) {
  return Linker{output, options, loc}.run(object);
}
