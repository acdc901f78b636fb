//===- Reducer.h - the smallest program that still fails --------------------------------===//

#ifndef TPC_FUZZ_REDUCER_H
#define TPC_FUZZ_REDUCER_H

#include "FuzzCase.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace tpc::fuzz {

/// Greedily takes away results, ops, layouts, axes and arguments while `fails` says that the case
/// does.
void reduce(FuzzCase &fuzzCase, llvm::function_ref<bool(const FuzzCase &)> fails);

} // namespace tpc::fuzz

#endif // TPC_FUZZ_REDUCER_H
