//===- RuntimeCalls.h - calls of tpc_runtime.h in the LLVM dialect -------------===//

#ifndef TPC_CODEGEN_RUNTIMECALLS_H
#define TPC_CODEGEN_RUNTIMECALLS_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace tpc {

/// tpc_dtype of an element type, or std::nullopt if the runtime has none.
std::optional<int64_t> getRuntimeDtype(mlir::Type elementType);

/// Declares runtime functions and makes constant globals, each once per module.
class RuntimeCalls {
public:
  explicit RuntimeCalls(mlir::ModuleOp module);

  /// Calls runtime function `name`, declared by the types of its first call. A null `resultType`
  /// means void.
  mlir::Value call(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
                   mlir::Type resultType, mlir::ValueRange operands);

  /// One field of a constant struct.
  struct Field {
    enum Kind { Int32, Int64, Double, Int64Array, Text, Function, Null } kind;
    llvm::SmallVector<int64_t> integers;
    double real = 0;
    std::string text; ///< of Text, zero-terminated in memory; the symbol of a Function
    static Field int32(int64_t value) { return {Int32, {value}, 0, ""}; }
    static Field int64(int64_t value) { return {Int64, {value}, 0, ""}; }
    static Field number(double value) { return {Double, {}, value, ""}; }
    static Field array(llvm::ArrayRef<int64_t> values) {
      return {Int64Array, llvm::SmallVector<int64_t>(values), 0, ""};
    }
    static Field string(llvm::StringRef text) { return {Text, {}, 0, text.str()}; }
    static Field null() { return {Null, {}, 0, ""}; }
    static Field function(llvm::StringRef name) { return {Function, {}, 0, name.str()}; }
  };
  /// The name of a constant global struct with these fields; equal ones are one global.
  std::string getConstant(llvm::StringRef prefix, llvm::ArrayRef<Field> fields);
  /// The name of a constant zero-terminated string.
  std::string getText(llvm::StringRef text);
  /// A constant array of structs or one exported struct `name`.
  void addStructs(llvm::StringRef name, llvm::ArrayRef<llvm::SmallVector<Field>> structs,
                  bool exported);
  /// The address of a global or function.
  mlir::Value getAddress(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef symbol);

  mlir::Type getPointer() const { return pointer; }

private:
  mlir::Type getType(const Field &field);
  mlir::Value build(mlir::OpBuilder &builder, mlir::Location loc, const Field &field);
  mlir::Type getStructType(llvm::ArrayRef<Field> fields);
  mlir::Value buildStruct(mlir::OpBuilder &builder, mlir::Location loc,
                          llvm::ArrayRef<Field> fields);

  mlir::ModuleOp module;
  mlir::Type pointer;
  llvm::StringMap<mlir::LLVM::LLVMFuncOp> functions;
  llvm::StringMap<std::string> constants; ///< by printed contents
};

} // namespace tpc

#endif // TPC_CODEGEN_RUNTIMECALLS_H
