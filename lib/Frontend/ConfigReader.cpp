//===- ConfigReader.cpp --------------------------------------------------------===//

#include "ConfigReader.h"
#include "JsonText.h"
#include <cmath>

using namespace mlir;
using namespace tpc;

const llvm::json::Value *ConfigReader::get(StringRef field) const {
  const llvm::json::Value *value = object.get(field);
  return value && value->kind() != llvm::json::Value::Null ? value : nullptr;
}

/// LLVM's JSON values do not know their line, so the field is looked up in the text.
Location ConfigReader::getLocation(StringRef field, StringRef after) const {
  size_t start = after.empty() ? 0 : text.find(("\"" + after + "\"").str());
  size_t position = text.find(("\"" + field + "\"").str(), start);
  if (position == StringRef::npos)
    return FileLineColLoc::get(context, path, 1, 1);
  auto [line, column] = getLineAndColumn(text, position);
  return FileLineColLoc::get(context, path, line, column);
}

InFlightDiagnostic ConfigReader::error(StringRef field) {
  hasFailed = true;
  return emitError(getLocation(field));
}

void ConfigReader::wrongType(StringRef field, StringRef expected, const llvm::json::Value &got) {
  std::string printed;
  llvm::raw_string_ostream(printed) << got;
  error(field) << "field '" << field << "' should be " << expected << ", got " << printed;
}

int64_t ConfigReader::getCount(StringRef field, std::optional<int64_t> standard) {
  const llvm::json::Value *value = get(field);
  if (!value) {
    if (!standard)
      error(field) << "field '" << field << "' is missing";
    return standard.value_or(1);
  }
  std::optional<int64_t> number = value->getAsInteger();
  if (number && *number > 0 && *number <= INT32_MAX)
    return *number;
  wrongType(field, "a positive integer", *value);
  return 1;
}

double ConfigReader::getPositive(StringRef field, std::optional<double> standard) {
  const llvm::json::Value *value = get(field);
  if (!value) {
    if (!standard)
      error(field) << "field '" << field << "' is missing";
    return standard.value_or(1.0);
  }
  std::optional<double> number = value->getAsNumber();
  if (number && *number > 0 && std::isfinite(*number))
    return *number;
  wrongType(field, "a positive number", *value);
  return 1.0;
}

bool ConfigReader::getBool(StringRef field, bool standard) {
  const llvm::json::Value *value = get(field);
  if (!value)
    return standard;
  if (std::optional<bool> boolean = value->getAsBoolean())
    return *boolean;
  wrongType(field, "true or false", *value);
  return standard;
}

StringRef ConfigReader::getString(StringRef field) {
  const llvm::json::Value *value = get(field);
  if (!value)
    return {};
  if (std::optional<StringRef> string = value->getAsString())
    return *string;
  wrongType(field, "a string", *value);
  return {};
}

const llvm::json::Object *ConfigReader::getObject(StringRef field) {
  const llvm::json::Value *value = get(field);
  if (value && !value->getAsObject())
    wrongType(field, "an object", *value);
  return value ? value->getAsObject() : nullptr;
}
