//===- GpuGeometry.cpp ---------------------------------------------------------===//

#include "GpuGeometry.h"
#include "../KernelEmitter.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace tpc;

static constexpr int64_t kVectorBytes = 16;
static constexpr int64_t kMaxLanes = 8;
static constexpr int64_t kThreads = 256;
/// A row in registers: so many elements of each tensor per thread, so many threads.
static constexpr int64_t kRowElementsPerThread = 16;
static constexpr int64_t kMaxRowThreads = 512;
/// Blocks that keep every processor of a large device busy.
static constexpr int64_t kWantedBlocks = 1024;

int64_t tpc::getGpuLanes(func::FuncOp kernel, int64_t length) {
  int64_t narrowest = kVectorBytes;
  for (TypeRange types : {TypeRange(kernel.getArgumentTypes()), TypeRange(kernel.getResultTypes())})
    for (Type type : types)
      if (auto tensor = dyn_cast<RankedTensorType>(type); tensor && tensor.getRank())
        narrowest = std::min(narrowest, getStorageBytes(tensor.getElementType()));
  int64_t lanes = std::min(kVectorBytes / narrowest, kMaxLanes);
  return length ? std::gcd(lanes, length) : 1;
}

//===-- vectors ----------------------------------------------------------------===//

VectorGeometry VectorGeometry::get(int64_t vectors, int64_t lanes) {
  return {lanes, vectors,
          std::min<int64_t>(kThreads, llvm::alignTo(std::max<int64_t>(vectors, 1), kWarp))};
}

GpuKernelInfo VectorGeometry::getInfo() const {
  GpuKernelInfo info;
  info.blocks = llvm::divideCeil(vectors, threads);
  info.threads = threads;
  return info;
}

//===-- rows -------------------------------------------------------------------===//

RowGeometry RowGeometry::get(func::FuncOp kernel, const KernelPlan &plan) {
  RowGeometry geometry;
  geometry.lanes = getGpuLanes(kernel, plan.rowLength);
  geometry.rows = plan.space.getRows();
  geometry.vectors = std::max<int64_t>(plan.rowLength / geometry.lanes, 1);
  int64_t limit = kRowElementsPerThread / geometry.lanes;
  if (geometry.vectors <= kWarp * limit) {
    geometry.threadsPerRow = std::min<int64_t>(kWarp, llvm::PowerOf2Ceil(geometry.vectors));
    geometry.rowsPerBlock =
        std::min<int64_t>(kThreads / 2 / geometry.threadsPerRow,
                          llvm::PowerOf2Ceil(std::max<int64_t>(geometry.rows, 1)));
    geometry.rowsPerBlock = std::max(geometry.rowsPerBlock, kWarp / geometry.threadsPerRow);
    geometry.vectorsPerThread = llvm::divideCeil(geometry.vectors, geometry.threadsPerRow);
    return geometry;
  }
  geometry.looped = geometry.vectors > kMaxRowThreads * limit;
  geometry.vectorsPerThread =
      std::min<int64_t>(limit, llvm::divideCeil(geometry.vectors, kThreads));
  int64_t threads =
      llvm::alignTo(llvm::divideCeil(geometry.vectors, geometry.vectorsPerThread), kWarp);
  geometry.threadsPerRow = std::min(threads, kMaxRowThreads);
  return geometry;
}

GpuKernelInfo RowGeometry::getInfo() const {
  GpuKernelInfo info;
  info.blocks = llvm::divideCeil(rows, rowsPerBlock);
  info.threads = threadsPerRow * rowsPerBlock;
  return info;
}

//===-- columns ----------------------------------------------------------------===//

ColumnGeometry ColumnGeometry::get(func::FuncOp kernel, const KernelPlan &plan) {
  ColumnGeometry geometry;
  geometry.shape = ReductionShape::get(*kernel.getOps<ReduceOp>().begin());
  geometry.lanes = getGpuLanes(kernel, geometry.shape.inner);
  geometry.elementBytes = getStorageBytes(getElementTypeOrSelf(kernel.getResultTypes().front()));
  geometry.results = kernel.getNumResults();
  geometry.columnThreads = std::min<int64_t>(
      kWarp, llvm::PowerOf2Ceil(std::max<int64_t>(geometry.getInnerVectors(), 1)));
  geometry.rowThreads = kThreads / geometry.columnThreads;
  int64_t step = geometry.rowThreads * kRowsPerStep;
  int64_t wanted =
      llvm::divideCeil(kWantedBlocks, std::max<int64_t>(geometry.getColumnBlocks(), 1));
  int64_t chunks = std::clamp<int64_t>(geometry.shape.length / (2 * step), 1, wanted);
  geometry.chunkLength = llvm::alignTo(llvm::divideCeil(geometry.shape.length, chunks), step);
  geometry.chunks =
      llvm::divideCeil(geometry.shape.length, std::max<int64_t>(geometry.chunkLength, 1));
  return geometry;
}

ColumnGeometry ColumnGeometry::getSecondStage() const {
  ColumnGeometry second = *this;
  second.shape = {1, chunks, getResultElements()};
  second.chunks = 1;
  second.chunkLength = llvm::alignTo(chunks, rowThreads * kRowsPerStep);
  return second;
}

int64_t ColumnGeometry::getColumnBlocks() const {
  return shape.outer * llvm::divideCeil(getInnerVectors(), columnThreads);
}

int64_t ColumnGeometry::getWorkspaceBytes() const {
  return chunks > 1 ? results * chunks * getResultElements() * elementBytes : 0;
}

GpuKernelInfo ColumnGeometry::getInfo() const {
  GpuKernelInfo info;
  info.blocks = getColumnBlocks() * chunks;
  info.threads = columnThreads * rowThreads;
  info.workspaceBytes = getWorkspaceBytes();
  return info;
}

//===-- groups -----------------------------------------------------------------===//

GroupGeometry GroupGeometry::get(KernelGroup &group, const KernelPlan &plan) {
  GroupGeometry geometry;
  func::FuncOp largest = group.getLargest();
  int64_t extent = KernelInfo::get(largest).extent, perBlock, perVector = 1;
  geometry.loop = plan.loop;
  if (plan.loop == KernelLoop::Rows) {
    geometry.rows = RowGeometry::get(largest, plan);
    perBlock = geometry.rows.rowsPerBlock;
  } else {
    int64_t lanes = getGpuLanes(largest, extent);
    geometry.vectors = VectorGeometry::get(extent / lanes, lanes);
    perBlock = geometry.vectors.threads, perVector = lanes;
  }
  geometry.firstBlocks.push_back(0);
  for (func::FuncOp member : group.getMembers()) {
    geometry.counts.push_back(KernelInfo::get(member).extent / perVector);
    geometry.firstBlocks.push_back(geometry.firstBlocks.back() +
                                   llvm::divideCeil(geometry.counts.back(), perBlock));
  }
  geometry.positions = llvm::to_vector(group.getPositions());
  geometry.pointers = group.getPointerCount();
  return geometry;
}

GpuKernelInfo GroupGeometry::getInfo() const {
  GpuKernelInfo info = loop == KernelLoop::Rows ? rows.getInfo() : vectors.getInfo();
  info.blocks = firstBlocks.back();
  return info;
}
