//===- JsonText.cpp ------------------------------------------------------------===//

#include "JsonText.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace tpc;

namespace {
struct RepeatedKey {
  std::string key;
  size_t first, second; ///< positions of both in the text
};
} // namespace

/// Behind the string that begins at `start`.
static size_t skipString(StringRef text, size_t start) {
  for (size_t i = start + 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  return text.size();
}

/// Calls `visit` with the position of everything that is not inside a string but begins one.
static void forEachToken(StringRef text, llvm::function_ref<bool(size_t)> visit) {
  for (size_t i = 0; i < text.size();) {
    if (!visit(i))
      return;
    i = text[i] == '"' ? skipString(text, i) : i + 1;
  }
}

/// Where the text is nested deeper than anything tpc reads, or npos.
static size_t findTooDeep(StringRef text) {
  constexpr unsigned kDeepest = 64;
  unsigned depth = 0;
  size_t found = StringRef::npos;
  forEachToken(text, [&](size_t position) {
    char character = text[position];
    if ((character == '[' || character == '{') && ++depth > kDeepest)
      found = position;
    else if ((character == ']' || character == '}') && depth > 0)
      --depth;
    return found == StringRef::npos;
  });
  return found;
}

/// The text of a string, escapes resolved.
static std::string getText(StringRef quoted) {
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(quoted);
  if (!value) {
    llvm::consumeError(value.takeError());
    return quoted.str();
  }
  return value->getAsString().value_or(quoted).str();
}

/// The first repeated key of any object of `text`, which is JSON.
static std::optional<RepeatedKey> findRepeatedKey(StringRef text) {
  SmallVector<llvm::StringMap<size_t>> open; ///< keys of the objects and lists around
  std::optional<RepeatedKey> repeated;
  forEachToken(text, [&](size_t position) {
    char character = text[position];
    if (character == '{' || character == '[')
      open.emplace_back();
    else if (character == '}' || character == ']')
      open.pop_back();
    if (character != '"')
      return true;
    size_t end = skipString(text, position);
    if (open.empty() || !text.substr(end).ltrim().starts_with(":"))
      return true;
    std::string key = getText(text.slice(position, end));
    auto [entry, added] = open.back().try_emplace(key, position);
    if (!added)
      repeated = RepeatedKey{key, entry->second, position};
    return added;
  });
  return repeated;
}

std::pair<unsigned, unsigned> tpc::getLineAndColumn(StringRef text, size_t position) {
  StringRef before = text.take_front(position);
  size_t line = before.rfind('\n'); // npos + 1 is 0
  return {before.count('\n') + 1, position - (line + 1) + 1};
}

FailureOr<llvm::json::Value> tpc::parseJson(StringRef text, StringRef path, MLIRContext *context) {
  auto getLocation = [&](size_t position) {
    auto [line, column] = getLineAndColumn(text, position);
    return FileLineColLoc::get(context, path, line, column);
  };
  if (size_t position = findTooDeep(text); position != StringRef::npos)
    return emitError(getLocation(position)) << "malformed JSON: nested too deep";
  llvm::Expected<llvm::json::Value> parsed = llvm::json::parse(text);
  if (!parsed) {
    unsigned line = 1, column = 1;
    std::string message = llvm::toString(parsed.takeError());
    // "[line:column, byte=n]: what", where the column counts what has been read, with the culprit
    if (sscanf(message.c_str(), "[%u:%u", &line, &column) == 2)
      message = StringRef(message).split("]: ").second.str();
    return emitError(FileLineColLoc::get(context, path, line, std::max(column, 1u)))
           << "malformed JSON: " << message;
  }
  std::optional<RepeatedKey> repeated = findRepeatedKey(text);
  if (!repeated)
    return std::move(*parsed);
  InFlightDiagnostic diagnostic = emitError(getLocation(repeated->second))
                                  << "'" << repeated->key << "' is given twice";
  diagnostic.attachNote(getLocation(repeated->first)) << "the first is here";
  return diagnostic;
}
