//===- PlanExpression.h - constructor calls as text ----------------------------===//
//
//   value := name [ '(' [argument {',' argument}] ')' ] | integer | string | '(' values ')' | '['
//   values ']'
//          | '{' string ':' value {',' string ':' value} '}'
//   argument := [name '='] value
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_FRONTEND_PLANEXPRESSION_H
#define TPC_LIB_FRONTEND_PLANEXPRESSION_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"
#include <string>
#include <vector>

namespace tpc {

struct Expression {
  enum Kind { Call, Integer, String, Tuple, Dictionary } kind = Call;
  std::string text; ///< name of a call, contents of a string
  int64_t integer = 0;
  std::vector<Expression> items; ///< positional arguments, elements
  std::vector<std::pair<std::string, Expression>>
      named; ///< keyword arguments, entries of a dictionary

  bool isNone() const { return kind == Call && text == "None" && items.empty() && named.empty(); }
  /// As it would be written.
  std::string print() const;
};

/// Parses all of `text`; `loc` is where errors are reported.
mlir::FailureOr<Expression> parseExpression(llvm::StringRef text, mlir::Location loc);

} // namespace tpc

#endif // TPC_LIB_FRONTEND_PLANEXPRESSION_H
