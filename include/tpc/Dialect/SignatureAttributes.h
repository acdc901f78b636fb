//===- SignatureAttributes.h - attributes of arguments and results, at once --===//
//
// Setting the attributes of arguments one by one makes a uniqued list of all of them per change:
// time and memory quadratic in the number of parameters. Here changes are collected and written
// together.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_DIALECT_SIGNATUREATTRIBUTES_H
#define TPC_DIALECT_SIGNATUREATTRIBUTES_H

#include "mlir/Interfaces/FunctionInterfaces.h"

namespace tpc {

class SignatureAttributes {
public:
  /// Begins with what `function` has; its signature must not change before `write`.
  explicit SignatureAttributes(mlir::FunctionOpInterface function);

  /// As set so far; null if there is none.
  mlir::Attribute getArgument(unsigned number, llvm::StringRef name) const {
    return arguments[number].get(name);
  }
  void setArgument(unsigned number, llvm::StringRef name, mlir::Attribute value) {
    arguments[number].set(name, value);
  }
  void removeArgument(unsigned number, llvm::StringRef name) { arguments[number].erase(name); }
  void setResult(unsigned number, llvm::StringRef name, mlir::Attribute value) {
    results[number].set(name, value);
  }
  void removeResult(unsigned number, llvm::StringRef name) { results[number].erase(name); }

  void write();

private:
  mlir::FunctionOpInterface function;
  llvm::SmallVector<mlir::NamedAttrList, 0> arguments, results;
};

} // namespace tpc

#endif // TPC_DIALECT_SIGNATUREATTRIBUTES_H
