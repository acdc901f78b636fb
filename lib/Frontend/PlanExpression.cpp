//===- PlanExpression.cpp ------------------------------------------------------===//

#include "PlanExpression.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace tpc;

//===-- printing ---------------------------------------------------------------===//

std::string Expression::print() const {
  if (kind == Integer)
    return std::to_string(integer);
  if (kind == String)
    return "\"" + text + "\"";
  std::vector<std::string> words;
  for (const Expression &item : items)
    words.push_back(item.print());
  for (const auto &[name, value] : named)
    words.push_back(kind == Dictionary ? "\"" + name + "\": " + value.print()
                                       : name + "=" + value.print());
  std::string inside = llvm::join(words, ", ");
  if (kind == Dictionary)
    return "{" + inside + "}";
  return isNone() ? text : text + "(" + inside + ")";
}

//===-- parsing ----------------------------------------------------------------===//

namespace {
class Parser {
public:
  Parser(StringRef text, Location loc) : text(text), rest(text), loc(loc) {}

  FailureOr<Expression> parseAll() {
    FailureOr<Expression> value = parseValue();
    if (succeeded(value) && (skipSpace(), !rest.empty()))
      return error("the end");
    return value;
  }

private:
  FailureOr<Expression> parseValue();
  FailureOr<Expression> parseNested();
  LogicalResult parseString(std::string &value);
  LogicalResult parseArgument(Expression &call);
  LogicalResult parseEntry(Expression &dictionary);
  /// `item {',' item} close`; a comma before `close` is allowed.
  template <typename Function>
  LogicalResult parseList(char close, Function parseItem);

  void skipSpace() { rest = rest.ltrim(); }
  bool consume(char character) {
    skipSpace();
    return rest.consume_front(StringRef(&character, 1));
  }
  StringRef takeName() {
    skipSpace();
    StringRef name = rest.take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
    rest = rest.drop_front(name.size());
    return name;
  }
  InFlightDiagnostic error(const Twine &expected) {
    std::string got = rest.empty() ? "the end" : ("'" + rest.take_front(12) + "'").str();
    return emitError(loc) << "expected " << expected << " at character "
                          << (text.size() - rest.size() + 1) << " of '" << text << "', got " << got;
  }

  StringRef text, rest;
  Location loc;
  unsigned depth = 0;
};
} // namespace

template <typename Function>
LogicalResult Parser::parseList(char close, Function parseItem) {
  while (!consume(close)) {
    if (failed(parseItem()))
      return failure();
    if (consume(close))
      return success();
    if (!consume(','))
      return error(Twine("',' or '") + Twine(close) + "'");
  }
  return success();
}

LogicalResult Parser::parseString(std::string &value) {
  skipSpace();
  if (rest.empty() || (rest.front() != '"' && rest.front() != '\''))
    return error("a string");
  size_t end = rest.find(rest.front(), 1);
  if (end == StringRef::npos)
    return error("a closing quote");
  value = rest.slice(1, end).str();
  rest = rest.drop_front(end + 1);
  return success();
}

LogicalResult Parser::parseEntry(Expression &dictionary) {
  std::string key;
  if (failed(parseString(key)))
    return failure();
  if (!consume(':'))
    return error("':'");
  FailureOr<Expression> value = parseValue();
  if (succeeded(value))
    dictionary.named.emplace_back(key, *value);
  return value;
}

LogicalResult Parser::parseArgument(Expression &call) {
  StringRef before = rest;
  std::string name = takeName().str();
  bool keyword = !name.empty() && consume('=');
  if (!keyword)
    rest = before;
  FailureOr<Expression> value = parseValue();
  if (failed(value))
    return failure();
  if (!keyword) {
    if (!call.named.empty())
      return emitError(loc) << "positional argument after a keyword argument in '" << text << "'";
    call.items.push_back(*value);
    return success();
  }
  if (llvm::is_contained(llvm::make_first_range(call.named), name))
    return emitError(loc) << "argument '" << name << "' is given twice in '" << text << "'";
  call.named.emplace_back(name, *value);
  return success();
}

FailureOr<Expression> Parser::parseValue() {
  constexpr unsigned kDeepest = 16; // a tuple in a call is two
  if (++depth > kDeepest)
    return emitError(loc) << "a style is nested more than " << kDeepest << " levels deep";
  FailureOr<Expression> value = parseNested();
  --depth;
  return value;
}

FailureOr<Expression> Parser::parseNested() {
  Expression value;
  skipSpace();
  if (consume('(') || consume('[')) {
    value.kind = Expression::Tuple;
    char close = rest.data()[-1] == '(' ? ')' : ']';
    auto parseItem = [&]() -> LogicalResult {
      FailureOr<Expression> item = parseValue();
      if (succeeded(item))
        value.items.push_back(*item);
      return item;
    };
    return failed(parseList(close, parseItem)) ? FailureOr<Expression>(failure()) : value;
  }
  if (consume('{')) {
    value.kind = Expression::Dictionary;
    auto parseItem = [&] { return parseEntry(value); };
    return failed(parseList('}', parseItem)) ? FailureOr<Expression>(failure()) : value;
  }
  if (!rest.empty() && (rest.front() == '"' || rest.front() == '\'')) {
    value.kind = Expression::String;
    return failed(parseString(value.text)) ? FailureOr<Expression>(failure()) : value;
  }
  if (!rest.consumeInteger(10, value.integer)) {
    value.kind = Expression::Integer;
    return value;
  }
  StringRef before = rest;
  value.text = takeName().str();
  if (value.text.empty() || llvm::isDigit(value.text.front())) {
    rest = before;
    return error(value.text.empty() ? "a value" : "an integer of 64 bits");
  }
  auto parseItem = [&] { return parseArgument(value); };
  if (consume('(') && failed(parseList(')', parseItem)))
    return failure();
  return value;
}

FailureOr<Expression> tpc::parseExpression(StringRef text, Location loc) {
  return Parser(text, loc).parseAll();
}
