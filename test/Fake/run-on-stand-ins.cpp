// The main function of a program for a GPU where none is:
//
//   run-on-stand-ins PROGRAM.so OPTION...
//
// PROGRAM.so is the object that the compiler made for a GPU, linked with its kernels for the
// processor (tpc-emulate-kernels). What it needs of the runtime is in this executable.
#include "EmulatedKernels.h"
#include "Train/Main.h"

#include <cstdio>
#include <dlfcn.h>

int main(int argc, char **argv) {
  void *object = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : nullptr;
  void *program = object ? dlsym(object, "tpc_compiled_program") : nullptr;
  if (!program) {
    std::fprintf(stderr, "usage: run-on-stand-ins PROGRAM.so OPTION...\n%s\n",
                 argc > 1 ? dlerror() : "");
    return 2;
  }
  tpc::test::takeKernelsFrom(object);
  return tpc::runtime::runProgram(argc - 1, argv + 1, *static_cast<const tpc_program *>(program));
}
