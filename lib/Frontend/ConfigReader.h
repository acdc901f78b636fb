//===- ConfigReader.h - typed fields of a JSON object, with located errors -----===//

#ifndef TPC_LIB_FRONTEND_CONFIGREADER_H
#define TPC_LIB_FRONTEND_CONFIGREADER_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/JSON.h"
#include <optional>

namespace tpc {

/// Reads fields of one object of the file `path`. A missing field or `null` counts as absent.
/// Mistakes are reported at the line of the field and remembered (`failed`), so that one run
/// reports all of them.
class ConfigReader {
public:
  ConfigReader(const llvm::json::Object &object, llvm::StringRef text, llvm::StringRef path,
               mlir::MLIRContext *context)
      : object(object), text(text), path(path), context(context) {}

  /// A positive integer; an error if absent without a default.
  int64_t getCount(llvm::StringRef field, std::optional<int64_t> standard = std::nullopt);
  /// A positive number.
  double getPositive(llvm::StringRef field, std::optional<double> standard = std::nullopt);
  bool getBool(llvm::StringRef field, bool standard);
  /// Empty if absent.
  llvm::StringRef getString(llvm::StringRef field);
  /// Null if absent.
  const llvm::json::Object *getObject(llvm::StringRef field);
  /// Null if absent or `null`.
  const llvm::json::Value *get(llvm::StringRef field) const;

  /// A reader of a nested object of the same file.
  ConfigReader nested(const llvm::json::Object &inner) const {
    return {inner, text, path, context};
  }

  /// An error at the line of `field` (or the first line).
  mlir::InFlightDiagnostic error(llvm::StringRef field);
  /// Where `field` stands first, behind the name `after` if one is given.
  mlir::Location getLocation(llvm::StringRef field, llvm::StringRef after = {}) const;
  bool failed() const { return hasFailed; }
  void absorb(const ConfigReader &inner) { hasFailed |= inner.hasFailed; }

private:
  void wrongType(llvm::StringRef field, llvm::StringRef expected, const llvm::json::Value &got);

  const llvm::json::Object &object;
  llvm::StringRef text, path;
  mlir::MLIRContext *context;
  bool hasFailed = false;
};

} // namespace tpc

#endif // TPC_LIB_FRONTEND_CONFIGREADER_H
