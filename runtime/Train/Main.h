// The main function of compiled programs.
#ifndef TPC_RUNTIME_TRAIN_MAIN_H
#define TPC_RUNTIME_TRAIN_MAIN_H

#include "tpc_runtime.h"

namespace tpc::runtime {

/// Reads the command line, finds the other ranks, trains or runs forward. Returns the exit code:
/// 0, or 1 after one message on standard error from one rank of the job.
int runProgram(int argc, const char *const *argv, const tpc_program &program);

} // namespace tpc::runtime

#endif
