//===- Attributes.cpp - text form and verification of meshes and layouts -------===//

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tpc;

namespace tpc {
/// Mesh is theory; MLIR needs to hash it.
static llvm::hash_code hash_value(const Mesh &mesh) {
  llvm::hash_code code(0);
  for (const MeshAxis &axis : mesh.axes)
    code = llvm::hash_combine(code, axis.name, axis.size);
  return code;
}
} // namespace tpc

#define GET_ATTRDEF_CLASSES
#include "tpc/Dialect/TPCAttributes.cpp.inc"

void TPCDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "tpc/Dialect/TPCAttributes.cpp.inc"
      >();
}

//===-- reduction --------------------------------------------------------------===//

static StringRef getName(ReductionKind kind) {
  switch (kind) {
  case ReductionKind::Sum:
    return "sum";
  case ReductionKind::Max:
    return "max";
  case ReductionKind::Min:
    return "min";
  }
  llvm_unreachable("a reduction is sum, max or min");
}

static FailureOr<ReductionKind> parseReduction(AsmParser &parser) {
  StringRef word;
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseKeyword(&word))
    return failure();
  for (ReductionKind kind : {ReductionKind::Sum, ReductionKind::Max, ReductionKind::Min})
    if (getName(kind) == word)
      return kind;
  return parser.emitError(location) << "expected 'sum', 'max' or 'min', got '" << word << "'";
}

Attribute ReductionKindAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<ReductionKind> kind = parseReduction(parser);
  return failed(kind) || parser.parseGreater() ? Attribute() : get(parser.getContext(), *kind);
}

void ReductionKindAttr::print(AsmPrinter &printer) const {
  printer << "<" << getName(getValue()) << ">";
}

ParseResult tpc::parseReductionKind(OpAsmParser &parser, ReductionKindAttr &kind) {
  FailureOr<ReductionKind> parsed = parseReduction(parser);
  if (succeeded(parsed))
    kind = ReductionKindAttr::get(parser.getContext(), *parsed);
  return success(succeeded(parsed));
}

void tpc::printReductionKind(OpAsmPrinter &printer, Operation *, ReductionKindAttr kind) {
  printer << getName(kind.getValue());
}

//===-- mesh -------------------------------------------------------------------===//

Attribute MeshAttr::parse(AsmParser &parser, Type) {
  Mesh mesh;
  SMLoc location = parser.getCurrentLocation();
  auto parseAxis = [&]() -> ParseResult {
    MeshAxis axis;
    if (parser.parseString(&axis.name) || parser.parseEqual() || parser.parseInteger(axis.size))
      return failure();
    mesh.axes.push_back(axis);
    return success();
  };
  if (parser.parseLess() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseAxis) ||
      parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(location); }, parser.getContext(), mesh);
}

void MeshAttr::print(AsmPrinter &printer) const {
  printer << "<[";
  llvm::interleaveComma(getMesh().axes, printer, [&](const MeshAxis &axis) {
    printer << '"' << axis.name << "\"=" << axis.size;
  });
  printer << "]>";
}

LogicalResult MeshAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError, Mesh mesh) {
  llvm::StringSet<> names;
  for (const MeshAxis &axis : mesh.axes) {
    if (axis.name.empty() || !names.insert(axis.name).second)
      return emitError() << "mesh axes need distinct names (C1), got '" << axis.name << "'";
    if (axis.size <= 0)
      return emitError() << "mesh axis '" << axis.name << "' needs a positive size (C2), got "
                         << axis.size;
  }
  return success();
}

//===-- axes and dimensions ----------------------------------------------------===//

Attribute AxisAttr::parse(AsmParser &parser, Type) {
  std::string name;
  int64_t pre = 1, size = 0;
  if (parser.parseString(&name))
    return {};
  if (succeeded(parser.parseOptionalColon()) && (parser.parseLParen() || parser.parseInteger(pre) ||
                                                 parser.parseRParen() || parser.parseInteger(size)))
    return {};
  return get(parser.getContext(), name, pre, size);
}

void AxisAttr::print(AsmPrinter &printer) const {
  printer << '"' << getName() << '"';
  if (getSize())
    printer << ":(" << getPre() << ")" << getSize();
}

static ParseResult parseAxes(AsmParser &parser, SmallVectorImpl<AxisAttr> &axes, bool *open) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Braces, [&]() -> ParseResult {
    if (open && succeeded(parser.parseOptionalQuestion())) {
      *open = true;
      return success();
    }
    auto axis = dyn_cast_or_null<AxisAttr>(AxisAttr::parse(parser, Type()));
    axes.push_back(axis);
    return success(axis != nullptr);
  });
}

static void printAxes(AsmPrinter &printer, ArrayRef<AxisAttr> axes, bool open) {
  printer << "{";
  llvm::interleaveComma(axes, printer, [&](AxisAttr axis) { axis.print(printer); });
  printer << (open ? (axes.empty() ? "?" : ", ?") : "") << "}";
}

ParseResult tpc::parseAxisArray(OpAsmParser &parser, ArrayAttr &axes) {
  SmallVector<Attribute> parsed;
  auto parseAxis = [&] {
    return success(parsed.emplace_back(AxisAttr::parse(parser, Type())) != nullptr);
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseAxis))
    return failure();
  axes = ArrayAttr::get(parser.getContext(), parsed);
  return success();
}

void tpc::printAxisArray(OpAsmPrinter &printer, Operation *, ArrayAttr axes) {
  printer << "[";
  llvm::interleaveComma(axes.getAsRange<AxisAttr>(), printer,
                        [&](AxisAttr axis) { axis.print(printer); });
  printer << "]";
}

Attribute DimLayoutAttr::parse(AsmParser &parser, Type) {
  SmallVector<AxisAttr> axes;
  bool open = false;
  if (parseAxes(parser, axes, &open))
    return {};
  return get(parser.getContext(), axes, open);
}

void DimLayoutAttr::print(AsmPrinter &printer) const { printAxes(printer, getAxes(), getOpen()); }

//===-- layout -----------------------------------------------------------------===//

static ParseResult parsePartial(AsmParser &parser, ReductionKind &kind,
                                SmallVectorImpl<AxisAttr> &axes) {
  if (failed(parser.parseOptionalComma()))
    return success();
  if (parser.parseKeyword("partial") || parser.parseEqual())
    return failure();
  FailureOr<ReductionKind> parsed = parseReduction(parser);
  if (failed(parsed))
    return failure();
  kind = *parsed;
  return parseAxes(parser, axes, nullptr);
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  FlatSymbolRefAttr mesh;
  SmallVector<DimLayoutAttr> dims;
  SmallVector<AxisAttr> partial;
  ReductionKind kind = ReductionKind::Sum;
  auto parseDim = [&]() -> ParseResult {
    auto dim = dyn_cast_or_null<DimLayoutAttr>(DimLayoutAttr::parse(parser, Type()));
    dims.push_back(dim);
    return success(dim != nullptr);
  };
  if (parser.parseLess() || parser.parseAttribute(mesh) || parser.parseComma() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseDim) ||
      parsePartial(parser, kind, partial) || parser.parseGreater())
    return {};
  return get(parser.getContext(), mesh, dims, kind, partial);
}

void LayoutAttr::print(AsmPrinter &printer) const {
  printer << "<" << getMesh() << ", [";
  llvm::interleaveComma(getDims(), printer, [&](DimLayoutAttr dim) { dim.print(printer); });
  printer << "]";
  if (!getPartial().empty()) {
    printer << ", partial = " << getName(getPartialKind()) << " ";
    printAxes(printer, getPartial(), /*open=*/false);
  }
  printer << ">";
}

static AxisRef toRef(AxisAttr axis, const Mesh &mesh) {
  std::optional<unsigned> number = mesh.findAxis(axis.getName());
  assert(number && "verified by LayoutAttr::verifyOn (C2)");
  return axis.getSize() ? AxisRef{*number, axis.getPre(), axis.getSize()}
                        : AxisRef::whole(mesh, *number);
}

AxisAttr tpc::getAxisAttr(MLIRContext *context, const AxisRef &axis, const Mesh &mesh) {
  StringRef name = mesh.axes[axis.axis].name;
  return axis.isWhole(mesh) ? AxisAttr::get(context, name, 1, 0)
                            : AxisAttr::get(context, name, axis.pre, axis.size);
}

AxisList tpc::getAxes(ArrayAttr axes, const Mesh &mesh) {
  return llvm::map_to_vector<2>(axes.getAsRange<AxisAttr>(),
                                [&](AxisAttr axis) { return toRef(axis, mesh); });
}

Layout LayoutAttr::getLayout(const Mesh &mesh) const {
  Layout layout;
  for (DimLayoutAttr dim : getDims()) {
    layout.dims.push_back(
        llvm::map_to_vector<2>(dim.getAxes(), [&](AxisAttr axis) { return toRef(axis, mesh); }));
    layout.open.push_back(dim.getOpen());
  }
  layout.partialKind = getPartialKind();
  for (AxisAttr axis : getPartial())
    layout.partial.push_back(toRef(axis, mesh));
  return layout;
}

LayoutAttr LayoutAttr::get(FlatSymbolRefAttr symbol, const Layout &layout, const Mesh &mesh) {
  MLIRContext *context = symbol.getContext();
  auto toAttr = [&](const AxisRef &axis) { return getAxisAttr(context, axis, mesh); };
  SmallVector<DimLayoutAttr> dims;
  for (auto [index, axes] : llvm::enumerate(layout.dims))
    dims.push_back(DimLayoutAttr::get(context,
                                      llvm::map_to_vector(getCanonical(axes, mesh), toAttr),
                                      index < layout.open.size() && layout.open[index]));
  return get(context, symbol, dims, layout.partialKind,
             llvm::map_to_vector(getCanonical(layout.partial, mesh), toAttr));
}

static LogicalResult verifyAxis(llvm::function_ref<InFlightDiagnostic()> emitError, AxisAttr axis,
                                const Mesh &mesh) {
  std::optional<unsigned> number = mesh.findAxis(axis.getName());
  if (!number)
    return emitError() << "layout names '" << axis.getName()
                       << "', which is no axis of the mesh (C2)";
  int64_t size = mesh.axes[*number].size;
  if (axis.getSize() &&
      (axis.getSize() < 1 || axis.getPre() < 1 || size % (axis.getPre() * axis.getSize())))
    return emitError() << "sub-axis (" << axis.getPre() << ")" << axis.getSize()
                       << " does not divide axis '" << axis.getName() << "' of size " << size
                       << " (C5)";
  return success();
}

LogicalResult LayoutAttr::verifyOn(llvm::function_ref<InFlightDiagnostic()> emitError,
                                   const Mesh &mesh, int64_t rank) const {
  if (static_cast<int64_t>(getDims().size()) != rank)
    return emitError() << "layout needs one list of axes per dimension (C4): " << rank << ", got "
                       << getDims().size();
  SmallVector<AxisAttr> axes(getPartial());
  for (DimLayoutAttr dim : getDims())
    llvm::append_range(axes, dim.getAxes());
  SmallVector<AxisRef> used;
  for (AxisAttr axis : axes) {
    if (failed(verifyAxis(emitError, axis, mesh)))
      return failure();
    AxisRef ref = toRef(axis, mesh);
    if (llvm::any_of(used, [&](const AxisRef &other) { return other.overlaps(ref); }))
      return emitError() << "layout uses axis '" << axis.getName() << "' twice (C3)";
    used.push_back(ref);
  }
  return success();
}

//===-- global -----------------------------------------------------------------===//

Attribute GlobalAttr::parse(AsmParser &parser, Type) {
  SmallVector<int64_t> shape;
  auto parseSize = [&] { return parser.parseInteger(shape.emplace_back()); };
  if (parser.parseLess() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseSize) ||
      parser.parseComma())
    return {};
  auto layout = dyn_cast_or_null<LayoutAttr>(LayoutAttr::parse(parser, Type()));
  if (!layout || parser.parseGreater())
    return {};
  return get(parser.getContext(), shape, layout);
}

void GlobalAttr::print(AsmPrinter &printer) const {
  printer << "<[";
  llvm::interleaveComma(getShape(), printer);
  printer << "], ";
  getLayout().print(printer);
  printer << ">";
}
