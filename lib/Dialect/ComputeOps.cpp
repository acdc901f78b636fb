//===- ComputeOps.cpp - verifiers and assembly of the compute ops --------------===//

#include "mlir/IR/Builders.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

static RankedTensorType getTensor(Value value) { return cast<RankedTensorType>(value.getType()); }

//===-- contract ---------------------------------------------------------------===//

static Contraction makeContraction(Operation *op, StringRef equation, Value lhs, Value rhs,
                                   Value result) {
  auto [operands, resultDims] = equation.split("->");
  auto [lhsDims, rhsDims] = operands.split(',');
  return {op, lhs, rhs, result, lhsDims, rhsDims, resultDims};
}

Contraction ContractOp::getContraction() {
  return makeContraction(*this, getEquation(), getLhs(), getRhs(), getResult());
}

std::array<Contraction, 2> ContractPairOp::getContractions() {
  return {makeContraction(*this, getEquation(), getLhs(), getRhs(), getResult()),
          makeContraction(*this, getEquation(), getOtherLhs(), getOtherRhs(), getOtherResult())};
}

/// Records the size of each letter of one tensor; fails on a size that disagrees (C3).
static LogicalResult recordSizes(Operation *op, StringRef letters, Value value,
                                 llvm::StringMap<int64_t> &sizes) {
  if (static_cast<int64_t>(letters.size()) != getTensor(value).getRank())
    return op->emitOpError("expects one letter per dimension (C1), got '")
           << letters << "' for " << value.getType();
  for (auto [index, size] : llvm::enumerate(getTensor(value).getShape())) {
    StringRef letter = letters.substr(index, 1);
    if (letters.count(letter) != 1)
      return op->emitOpError("expects no letter twice in one operand (C2), got '")
             << letters << "'";
    auto [entry, inserted] = sizes.try_emplace(letter, size);
    if (!inserted && entry->second != size)
      return op->emitOpError("expects one size per letter (C3), got ")
             << entry->second << " and " << size << " for '" << letter << "'";
  }
  return success();
}

static LogicalResult verifyElementTypes(const Contraction &of) {
  Type lhs = getTensor(of.lhs).getElementType(), rhs = getTensor(of.rhs).getElementType(),
       result = getTensor(of.result).getElementType();
  if (lhs == rhs && (result == lhs || (result.isF32() && isNarrowFloat(lhs))))
    return success();
  return of.op->emitOpError(
             "expects one element type, or a result of f32 from narrower operands (C5), got ")
         << lhs << ", " << rhs << " and " << result;
}

static LogicalResult verifyContraction(const Contraction &of) {
  llvm::StringMap<int64_t> sizes;
  if (failed(recordSizes(of.op, of.lhsDims, of.lhs, sizes)) ||
      failed(recordSizes(of.op, of.rhsDims, of.rhs, sizes)))
    return failure();
  for (char letter : of.resultDims)
    if (!sizes.count(StringRef(&letter, 1)))
      return of.op->emitOpError("expects every letter of the result in an operand (C4), got '")
             << letter << "'";
  if (failed(recordSizes(of.op, of.resultDims, of.result, sizes)) || failed(verifyElementTypes(of)))
    return failure();
  for (auto &entry : sizes)
    if (!of.resultDims.contains(entry.getKey()) &&
        !(of.lhsDims.contains(entry.getKey()) && of.rhsDims.contains(entry.getKey())))
      return of.op->emitOpError("expects a letter of one operand alone in the result (C6), got '")
             << entry.getKey() << "'";
  return success();
}

LogicalResult ContractOp::verify() {
  if (failed(verifyContraction(getContraction())))
    return failure();
  if (getAccumulate() && getAccumulate().getType() != getType())
    return emitOpError("expects to accumulate on a value of the result's type (C7), got ")
           << getAccumulate().getType();
  return success();
}

LogicalResult ContractPairOp::verify() {
  for (const Contraction &contraction : getContractions())
    if (failed(verifyContraction(contraction)))
      return failure();
  return success();
}

void ContractOp::build(OpBuilder &builder, OperationState &state, Value lhs, Value rhs,
                       StringRef equation, Type elementType) {
  auto [operands, result] = equation.split("->");
  auto [lhsDims, rhsDims] = operands.split(',');
  SmallVector<int64_t> shape;
  for (char letter : result) {
    size_t inLhs = lhsDims.find(letter);
    shape.push_back(inLhs != StringRef::npos ? getTensor(lhs).getDimSize(inLhs)
                                             : getTensor(rhs).getDimSize(rhsDims.find(letter)));
  }
  Type element = elementType ? elementType : getTensor(lhs).getElementType();
  build(builder, state, RankedTensorType::get(shape, element), lhs, rhs, /*accumulate=*/Value(),
        equation);
}

static ParseResult parseLetters(OpAsmParser &parser, std::string &equation) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() -> ParseResult {
    StringRef letter;
    SMLoc location = parser.getCurrentLocation();
    if (parser.parseKeyword(&letter))
      return failure();
    if (letter.size() != 1)
      return parser.emitError(location)
             << "expected a dimension of one letter, got '" << letter << "'";
    equation += letter;
    return success();
  });
}

/// `: [b, s, k], [n, k] -> [b, s, n] attr-dict : (type, type) -> type`
static ParseResult parseEquation(OpAsmParser &parser, OperationState &state, SMLoc &location,
                                 FunctionType &type) {
  std::string lhsDims, rhsDims, resultDims;
  if (parser.parseColon() || parseLetters(parser, lhsDims) || parser.parseComma() ||
      parseLetters(parser, rhsDims) || parser.parseArrow() || parseLetters(parser, resultDims) ||
      parser.parseOptionalAttrDict(state.attributes) || parser.parseColon())
    return failure();
  location = parser.getCurrentLocation();
  if (parser.parseType(type))
    return failure();
  if (type.getNumInputs() != 2 || type.getNumResults() != 1)
    return parser.emitError(location, "expected a type of two operands and one result");
  state.addAttribute(
      "equation", parser.getBuilder().getStringAttr(lhsDims + "," + rhsDims + "->" + resultDims));
  return success();
}

ParseResult ContractOp::parse(OpAsmParser &parser, OperationState &state) {
  OpAsmParser::UnresolvedOperand lhs, rhs, accumulate;
  FunctionType type;
  SMLoc location;
  if (parser.parseOperand(lhs) || parser.parseComma() || parser.parseOperand(rhs))
    return failure();
  bool accumulates = succeeded(parser.parseOptionalKeyword("accumulate"));
  if ((accumulates && parser.parseOperand(accumulate)) ||
      parseEquation(parser, state, location, type) ||
      parser.resolveOperands({lhs, rhs}, type.getInputs(), location, state.operands))
    return failure();
  state.addTypes(type.getResults());
  return accumulates ? parser.resolveOperand(accumulate, type.getResult(0), state.operands)
                     : ParseResult(success());
}

ParseResult ContractPairOp::parse(OpAsmParser &parser, OperationState &state) {
  OpAsmParser::UnresolvedOperand operands[4];
  FunctionType type;
  SMLoc location;
  if (parser.parseOperand(operands[0]) || parser.parseComma() || parser.parseOperand(operands[1]) ||
      parser.parseKeyword("and") || parser.parseOperand(operands[2]) || parser.parseComma() ||
      parser.parseOperand(operands[3]) || parseEquation(parser, state, location, type))
    return failure();
  state.addTypes({type.getResult(0), type.getResult(0)});
  Type lhs = type.getInput(0), rhs = type.getInput(1);
  return parser.resolveOperands(operands, {lhs, rhs, lhs, rhs}, location, state.operands);
}

static void printLetters(OpAsmPrinter &printer, StringRef letters) {
  printer << "[";
  llvm::interleaveComma(letters, printer, [&](char letter) { printer << letter; });
  printer << "]";
}

static void printEquation(OpAsmPrinter &printer, const Contraction &of) {
  printer << " : ";
  printLetters(printer, of.lhsDims);
  printer << ", ";
  printLetters(printer, of.rhsDims);
  printer << " -> ";
  printLetters(printer, of.resultDims);
  printer.printOptionalAttrDict(of.op->getAttrs(), {"equation"});
  printer << " : ";
  printer.printFunctionalType(TypeRange{of.lhs.getType(), of.rhs.getType()},
                              TypeRange{of.result.getType()});
}

void ContractOp::print(OpAsmPrinter &printer) {
  printer << " " << getLhs() << ", " << getRhs();
  if (getAccumulate())
    printer << " accumulate " << getAccumulate();
  printEquation(printer, getContraction());
}

void ContractPairOp::print(OpAsmPrinter &printer) {
  printer << " " << getLhs() << ", " << getRhs() << " and " << getOtherLhs() << ", "
          << getOtherRhs();
  printEquation(printer, getContractions()[0]);
}

//===-- reduce, broadcast, transpose -------------------------------------------===//

/// C1: sorted, distinct, in range.
static LogicalResult verifySortedDims(Operation *op, ArrayRef<int64_t> dims, int64_t rank) {
  for (auto [index, dim] : llvm::enumerate(dims))
    if (dim < 0 || dim >= rank || (index && dims[index - 1] >= dim))
      return op->emitOpError("expects sorted, distinct dims below ")
             << rank << " (C1), got [" << dims << "]";
  return success();
}

LogicalResult ReduceOp::verify() {
  auto input = getTensor(getInput());
  if (failed(verifySortedDims(*this, getDims(), input.getRank())))
    return failure();
  SmallVector<int64_t> shape;
  for (auto [index, size] : llvm::enumerate(input.getShape()))
    if (!llvm::is_contained(getDims(), static_cast<int64_t>(index)))
      shape.push_back(size);
  if (getResult().getType() != RankedTensorType::get(shape, input.getElementType()))
    return emitOpError("expects a result of the other dimensions (C2), got ")
           << getResult().getType();
  return success();
}

LogicalResult BroadcastOp::verify() {
  auto input = getTensor(getInput()), result = getTensor(getResult());
  if (static_cast<int64_t>(getDims().size()) != input.getRank())
    return emitOpError("expects one entry of dims per operand dimension (C1), got ")
           << getDims().size();
  if (failed(verifySortedDims(*this, getDims(), result.getRank())))
    return failure();
  for (auto [index, dim] : llvm::enumerate(getDims()))
    if (input.getDimSize(index) != result.getDimSize(dim))
      return emitOpError("expects equal sizes (C2), got ") << input << " and " << result;
  return success();
}

LogicalResult TransposeOp::verify() {
  auto input = getTensor(getInput()), result = getTensor(getResult());
  SmallVector<int64_t> sorted(getPermutation());
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, input.getRank())))
    return emitOpError("expects a permutation of the dimensions (C1), got [")
           << getPermutation() << "]";
  for (auto [index, dim] : llvm::enumerate(getPermutation()))
    if (input.getDimSize(dim) != result.getDimSize(index))
      return emitOpError("expects the permuted sizes (C2), got ") << input << " and " << result;
  return success();
}

/// Over no dimension it is the value itself.
OpFoldResult ReduceOp::fold(FoldAdaptor) { return getDims().empty() ? getInput() : OpFoldResult(); }

/// To the same shape it is the value itself.
OpFoldResult BroadcastOp::fold(FoldAdaptor) {
  return getInput().getType() == getResult().getType() ? getInput() : OpFoldResult();
}

/// The identity is the value itself; two transposes become one.
OpFoldResult TransposeOp::fold(FoldAdaptor) {
  if (llvm::equal(getPermutation(), llvm::seq<int64_t>(0, getPermutation().size())))
    return getInput();
  auto inner = getInput().getDefiningOp<TransposeOp>();
  if (!inner)
    return {};
  SmallVector<int64_t> joined = llvm::map_to_vector(
      getPermutation(), [&](int64_t dim) { return inner.getPermutation()[dim]; });
  setPermutation(joined);
  getInputMutable().assign(inner.getInput());
  return getResult();
}

//===-- the others -------------------------------------------------------------===//

/// `rows` is the shape of `table` but for the last dimension.
static bool isRowsOf(Value rows, Value table) {
  return getTensor(table).getRank() > 0 &&
         getTensor(rows).getShape() == getTensor(table).getShape().drop_back();
}

LogicalResult EmbeddingOp::verify() {
  if (getTensor(getTable()).getRank() != 2 || !isRowsOf(getIds(), getResult()) ||
      getTensor(getResult()).getShape().back() != getTensor(getTable()).getDimSize(1))
    return emitOpError("expects ids' shape followed by the table's width (C1), got ")
           << getResult().getType();
  if (getTensor(getTable()).getElementType() != getTensor(getResult()).getElementType())
    return emitOpError("expects one element type of table and result (C2), got ")
           << getTensor(getTable()).getElementType() << " and "
           << getTensor(getResult()).getElementType();
  return success();
}

LogicalResult EmbeddingGradOp::verify() {
  if (getTensor(getDTable()).getRank() != 2 || !isRowsOf(getIds(), getDResult()) ||
      getTensor(getDResult()).getShape().back() != getTensor(getDTable()).getDimSize(1))
    return emitOpError("expects ids' shape followed by the table's width (C1), got ")
           << getDResult().getType();
  if (getAccumulate() && getAccumulate().getType() != getDTable().getType())
    return emitOpError("expects to accumulate on the type of the result (C2), got ")
           << getAccumulate().getType();
  return success();
}

static LogicalResult verifyNormWeight(Operation *op, Value input, Value weight) {
  if (getTensor(input).getRank() < 1 || getTensor(weight).getRank() != 1 ||
      getTensor(weight).getDimSize(0) != getTensor(input).getShape().back())
    return op->emitOpError("expects a weight of the last dimension's size (C1), got ")
           << weight.getType();
  return success();
}

LogicalResult RmsNormOp::verify() { return verifyNormWeight(*this, getInput(), getWeight()); }
LogicalResult RmsNormGradOp::verify() { return verifyNormWeight(*this, getInput(), getWeight()); }

LogicalResult LayerNormOp::verify() { return verifyNormWeight(*this, getInput(), getWeight()); }
LogicalResult LayerNormGradOp::verify() { return verifyNormWeight(*this, getInput(), getWeight()); }

ParseResult tpc::parseNumbers(OpAsmParser &parser, DenseF64ArrayAttr &numbers) {
  SmallVector<double> values;
  auto parseNumber = [&] { return parser.parseFloat(values.emplace_back()); };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseNumber))
    return failure();
  numbers = parser.getBuilder().getDenseF64ArrayAttr(values);
  return success();
}

void tpc::printNumbers(OpAsmPrinter &printer, Operation *op, DenseF64ArrayAttr numbers) {
  printer << "[";
  llvm::interleaveComma(numbers.asArrayRef(), printer,
                        [&](double number) { printer.printFloat(APFloat(number)); });
  printer << "]";
}

LogicalResult RopeTableOp::verify() {
  auto type = getTensor(getCos());
  if (type.getRank() != 2 || type != getSin().getType() ||
      type.getDimSize(1) != static_cast<int64_t>(getFrequencies().size()))
    return emitOpError("expects two results [positions, number of frequencies] (C1), got ")
           << type << " and " << getSin().getType();
  return success();
}

LogicalResult RopeOp::verify() {
  auto input = getTensor(getInput()), table = getTensor(getCos());
  if (input.getRank() < 3)
    return emitOpError("expects an operand of rank 3 or more (C2), got ") << input;
  if (table.getRank() != 2 || table.getDimSize(0) != input.getDimSize(1) ||
      table.getDimSize(1) * 2 != input.getShape().back())
    return emitOpError("expects tables [positions, head_dim / 2] (C1), got ")
           << table << " for " << input;
  return success();
}

static LogicalResult verifyAttention(Operation *op, Value q, Value k, Value logSumExp) {
  auto qType = getTensor(q), kType = getTensor(k);
  if (qType.getRank() != 5 || kType.getRank() != 4)
    return op->emitOpError("expects q of rank 5 and k, v of rank 4 (C1), got ")
           << qType << " and " << kType;
  if (qType.getDimSize(0) != kType.getDimSize(0) || qType.getDimSize(2) != kType.getDimSize(2) ||
      qType.getDimSize(4) != kType.getDimSize(3))
    return op->emitOpError("expects equal batch, kv heads and head dimension (C2), got ")
           << qType << " and " << kType;
  if (!isRowsOf(logSumExp, q))
    return op->emitOpError("expects log_sum_exp [b, s, h, g] (C3), got ") << logSumExp.getType();
  return success();
}

LogicalResult AttentionOp::verify() {
  return verifyAttention(*this, getQ(), getK(), getLogSumExp());
}
LogicalResult AttentionGradOp::verify() {
  return verifyAttention(*this, getQ(), getK(), getLogSumExp());
}

void AttentionOp::build(OpBuilder &builder, OperationState &state, Value q, Value k, Value v,
                        double scale, bool causal) {
  Type element = getTensor(q).getElementType();
  if (isNarrowFloat(element))
    element = builder.getF32Type();
  auto rows = RankedTensorType::get(getTensor(q).getShape().drop_back(), element);
  build(builder, state, q.getType(), rows, q, k, v, builder.getF64FloatAttr(scale),
        causal ? builder.getUnitAttr() : UnitAttr());
}

LogicalResult CrossEntropyOp::verify() {
  if (!isRowsOf(getTargets(), getLogits()) || !isRowsOf(getLogSumExp(), getLogits()))
    return emitOpError("expects targets and results of the logits' shape but for the last "
                       "dimension (C1), got ")
           << getTargets().getType() << " and " << getLogSumExp().getType();
  return success();
}

LogicalResult CrossEntropyGradOp::verify() {
  if (!isRowsOf(getTargets(), getLogits()) || !isRowsOf(getLogSumExp(), getLogits()))
    return emitOpError("expects targets and log_sum_exp of the logits' shape but for the last "
                       "dimension (C1), got ")
           << getTargets().getType() << " and " << getLogSumExp().getType();
  return success();
}

/// C1 and C2 of ops that know where they are in a global shape.
static LogicalResult verifyGlobalPlace(Operation *op, Value box, ArrayRef<int64_t> globalShape,
                                       size_t offsets) {
  ArrayRef<int64_t> shape = getTensor(box).getShape();
  if (globalShape.size() != shape.size() || shape.size() > 8)
    return op->emitOpError("expects a global shape of the result's rank, at most 8 (C1), got [")
           << globalShape << "]";
  bool covers = llvm::all_of(llvm::zip_equal(shape, globalShape), // the rest is padding
                             [](auto sizes) { return std::get<0>(sizes) >= std::get<1>(sizes); });
  if (offsets ? offsets != shape.size() : !covers)
    return op->emitOpError(
               "expects no less than the global shape, or one offset per dimension (C2), got ")
           << offsets << " offsets and " << box.getType();
  return success();
}

LogicalResult InitOp::verify() {
  return verifyGlobalPlace(*this, getResult(), getGlobalShape(), getOffsets().size());
}

LogicalResult DropoutOp::verify() {
  double probability = getProbability().convertToDouble();
  if (!(probability >= 0 && probability < 1))
    return emitOpError("expects a probability of at least 0 and below 1 (C3), got ") << probability;
  if (getStream().empty())
    return emitOpError("expects the name of a stream (C4), got \"\"");
  return verifyGlobalPlace(*this, getResult(), getGlobalShape(), getOffsets().size());
}

LogicalResult WithinOp::verify() {
  int64_t rank = getTensor(getResult()).getRank(), dim = getDim();
  if (dim < 0 || dim >= rank)
    return emitOpError("expects a dimension of its result (C1), got ") << dim << " of " << rank;
  if (static_cast<int64_t>(getExtent()) < 1)
    return emitOpError("expects a positive extent (C2), got ") << static_cast<int64_t>(getExtent());
  return success();
}

#define GET_OP_CLASSES
#include "tpc/Dialect/TPCOps.cpp.inc"
