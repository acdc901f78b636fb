//===- JsonText.h - JSON that says each thing once, with located errors -------===//

#ifndef TPC_LIB_FRONTEND_JSONTEXT_H
#define TPC_LIB_FRONTEND_JSONTEXT_H

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/JSON.h"

namespace tpc {

/// Reports what keeps `text` from being JSON that says each thing once, at its line of `path`, and
/// fails: malformed text, objects nested deeper than LLVM's parser may recurse, a key that an
/// object has twice (of which that parser keeps the last).
mlir::FailureOr<llvm::json::Value> parseJson(llvm::StringRef text, llvm::StringRef path,
                                             mlir::MLIRContext *context);

/// Line and column of a position, both from one.
std::pair<unsigned, unsigned> getLineAndColumn(llvm::StringRef text, size_t position);

} // namespace tpc

#endif // TPC_LIB_FRONTEND_JSONTEXT_H
