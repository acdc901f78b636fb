//===- Transformer.cpp - embedding, normalization, rotation, attention, loss ---===//

#include "Evaluators.h"
#include <cmath>

using namespace mlir;
using namespace tpc;

/// The optional `first` operand behind `count` others.
static int64_t getFirst(Operands operands, size_t count) {
  return operands.size() > count ? static_cast<int64_t>(operands[count]->data[0]) : 0;
}

//===-- embedding --------------------------------------------------------------===//

static LogicalResult embedding(Operation *op, Operands operands, Results &results) {
  const Tensor &ids = *operands[0], &table = *operands[1];
  int64_t first = getFirst(operands, 2), rows = table.shape[0], width = table.shape[1];
  Tensor result = Tensor::zeros(getTypeShape(op->getResult(0)));
  for (int64_t i = 0; i < ids.size(); ++i) {
    int64_t row = static_cast<int64_t>(ids.data[i]) - first;
    if (row >= 0 && row < rows)
      std::copy_n(&table.data[row * width], width, &result.data[i * width]);
  }
  results.push_back(std::move(result));
  return success();
}

static LogicalResult embeddingGrad(Operation *op, Operands operands, Results &results) {
  const Tensor &ids = *operands[0], &dResult = *operands[1];
  Tensor table = Tensor::zeros(getTypeShape(op->getResult(0)));
  auto gradient = cast<EmbeddingGradOp>(op);
  int64_t first = gradient.getFirst() ? getFirst(operands, 2) : 0, rows = table.shape[0],
          width = table.shape[1];
  for (int64_t i = 0; i < ids.size(); ++i) {
    int64_t row = static_cast<int64_t>(ids.data[i]) - first;
    if (row >= 0 && row < rows)
      for (int64_t j = 0; j < width; ++j)
        table.data[row * width + j] += dResult.data[i * width + j];
  }
  if (gradient.getAccumulate())
    for (int64_t i = 0; i < table.size(); ++i)
      table.data[i] += operands.back()->data[i];
  results.push_back(std::move(table));
  return success();
}

//===-- RMS norm ---------------------------------------------------------------===//

static double getInverseRms(const double *row, int64_t width, double eps) {
  double sum = 0;
  for (int64_t j = 0; j < width; ++j)
    sum += row[j] * row[j];
  return 1.0 / std::sqrt(sum / width + eps);
}

static LogicalResult rmsNorm(Operation *op, Operands operands, Results &results) {
  double eps = cast<RmsNormOp>(op).getEps().convertToDouble();
  Tensor result = *operands[0];
  int64_t width = operands[1]->size();
  for (int64_t base = 0; base < result.size(); base += width) {
    double scale = getInverseRms(&operands[0]->data[base], width, eps);
    for (int64_t j = 0; j < width; ++j)
      result.data[base + j] *= scale * operands[1]->data[j];
  }
  results.push_back(std::move(result));
  return success();
}

static LogicalResult rmsNormGrad(Operation *op, Operands operands, Results &results) {
  double eps = cast<RmsNormGradOp>(op).getEps().convertToDouble();
  const Tensor &x = *operands[0], &weight = *operands[1], &dy = *operands[2];
  Tensor dx = Tensor::zeros(x.shape), dWeight = Tensor::zeros(weight.shape);
  int64_t width = weight.size();
  for (int64_t base = 0; base < x.size(); base += width) {
    double r = getInverseRms(&x.data[base], width, eps), projection = 0;
    for (int64_t j = 0; j < width; ++j) {
      projection += weight.data[j] * dy.data[base + j] * x.data[base + j];
      dWeight.data[j] += dy.data[base + j] * x.data[base + j] * r;
    }
    for (int64_t j = 0; j < width; ++j)
      dx.data[base + j] =
          r * (weight.data[j] * dy.data[base + j] - x.data[base + j] * r * r / width * projection);
  }
  results.push_back(std::move(dx));
  results.push_back(std::move(dWeight));
  return success();
}

//===-- layer norm -------------------------------------------------------------===//

namespace {
struct RowStatistics {
  double mean = 0, inverseDeviation = 0;

  RowStatistics(const double *row, int64_t width, double eps) {
    for (int64_t j = 0; j < width; ++j)
      mean += row[j] / width;
    double variance = 0;
    for (int64_t j = 0; j < width; ++j)
      variance += (row[j] - mean) * (row[j] - mean) / width;
    inverseDeviation = 1.0 / std::sqrt(variance + eps);
  }
  double normalize(double x) const { return (x - mean) * inverseDeviation; }
};
} // namespace

static LogicalResult layerNorm(Operation *op, Operands operands, Results &results) {
  double eps = cast<LayerNormOp>(op).getEps().convertToDouble();
  const Tensor &weight = *operands[1], &bias = *operands[2];
  Tensor result = *operands[0];
  int64_t width = weight.size();
  for (int64_t base = 0; base < result.size(); base += width) {
    RowStatistics row(&operands[0]->data[base], width, eps);
    for (int64_t j = 0; j < width; ++j)
      result.data[base + j] = row.normalize(result.data[base + j]) * weight.data[j] + bias.data[j];
  }
  results.push_back(std::move(result));
  return success();
}

static LogicalResult layerNormGrad(Operation *op, Operands operands, Results &results) {
  double eps = cast<LayerNormGradOp>(op).getEps().convertToDouble();
  const Tensor &x = *operands[0], &weight = *operands[1], &dy = *operands[2];
  Tensor dx = Tensor::zeros(x.shape), dWeight = Tensor::zeros(weight.shape), dBias = dWeight;
  int64_t width = weight.size();
  for (int64_t base = 0; base < x.size(); base += width) {
    RowStatistics row(&x.data[base], width, eps);
    double sum = 0, projection = 0;
    for (int64_t j = 0; j < width; ++j) {
      double z = row.normalize(x.data[base + j]), d = dy.data[base + j];
      sum += weight.data[j] * d;
      projection += weight.data[j] * d * z;
      dWeight.data[j] += d * z;
      dBias.data[j] += d;
    }
    for (int64_t j = 0; j < width; ++j)
      dx.data[base + j] =
          row.inverseDeviation * (weight.data[j] * dy.data[base + j] - sum / width -
                                  row.normalize(x.data[base + j]) * projection / width);
  }
  results.push_back(std::move(dx));
  results.push_back(std::move(dWeight));
  results.push_back(std::move(dBias));
  return success();
}

//===-- rotary embedding -------------------------------------------------------===//

static LogicalResult ropeTable(Operation *op, Operands operands, Results &results) {
  auto table = cast<RopeTableOp>(op);
  int64_t first = getFirst(operands, 0), pairs = table.getFrequencies().size();
  double scale = table.getScale().convertToDouble();
  Tensor cos = Tensor::zeros(getTypeShape(table.getCos())), sin = cos;
  for (int64_t i = 0; i < cos.size(); ++i) {
    double angle = (first + i / pairs) * table.getFrequencies()[i % pairs];
    cos.data[i] = scale * std::cos(angle);
    sin.data[i] = scale * std::sin(angle);
  }
  results.push_back(std::move(cos));
  results.push_back(std::move(sin));
  return success();
}

static LogicalResult rope(Operation *op, Operands operands, Results &results) {
  const Tensor &input = *operands[0];
  double sign = cast<RopeOp>(op).getInverse() ? -1.0 : 1.0;
  int64_t half = input.shape.back() / 2, positionStride = input.getStrides()[1];
  Tensor result = Tensor::zeros(input.shape);
  for (int64_t base = 0; base < input.size(); base += 2 * half) {
    int64_t position = base / positionStride % input.shape[1];
    for (int64_t j = 0; j < half; ++j) {
      double c = operands[1]->data[position * half + j],
             s = sign * operands[2]->data[position * half + j];
      double a = input.data[base + j], b = input.data[base + half + j];
      result.data[base + j] = a * c - b * s;
      result.data[base + half + j] = b * c + a * s;
    }
  }
  results.push_back(std::move(result));
  return success();
}

//===-- attention --------------------------------------------------------------===//

namespace {
/// One query row against the keys it sees. Offsets are in elements.
struct AttentionShape {
  int64_t batch, queries, heads, group, width, keys;

  AttentionShape(const Tensor &q, const Tensor &k)
      : batch(q.shape[0]), queries(q.shape[1]), heads(q.shape[2]), group(q.shape[3]),
        width(q.shape[4]), keys(k.shape[1]) {}
  int64_t row(int64_t b, int64_t s, int64_t h, int64_t g) const {
    return ((b * queries + s) * heads + h) * group + g;
  }
  int64_t key(int64_t b, int64_t t, int64_t h) const {
    return ((b * keys + t) * heads + h) * width;
  }
  int64_t visible(int64_t s, bool causal) const {
    return causal ? std::clamp<int64_t>(s + 1 + keys - queries, 0, keys) : keys;
  }
  /// Calls `visit(row, key offset of position 0, number of visible keys, distance between keys)`.
  void forEachRow(bool causal, llvm::function_ref<void(int64_t, int64_t, int64_t)> visit) const {
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t s = 0; s < queries; ++s)
        for (int64_t h = 0; h < heads; ++h)
          for (int64_t g = 0; g < group; ++g)
            visit(row(b, s, h, g), key(b, 0, h), visible(s, causal));
  }
  int64_t keyStride() const { return heads * width; }
};
} // namespace

static double dot(const double *a, const double *b, int64_t size) {
  double sum = 0;
  for (int64_t i = 0; i < size; ++i)
    sum += a[i] * b[i];
  return sum;
}

static LogicalResult attention(Operation *op, Operands operands, Results &results) {
  auto attention = cast<AttentionOp>(op);
  const Tensor &q = *operands[0], &k = *operands[1], &v = *operands[2];
  AttentionShape shape(q, k);
  double scale = attention.getScale().convertToDouble();
  Tensor out = Tensor::zeros(q.shape),
         logSumExp = Tensor::zeros(getTypeShape(attention.getLogSumExp()));
  shape.forEachRow(attention.getCausal(), [&](int64_t row, int64_t base, int64_t visible) {
    std::vector<double> scores(visible);
    double maximum = -INFINITY, sum = 0;
    for (int64_t t = 0; t < visible; ++t) {
      scores[t] = scale * dot(&q.data[row * shape.width], &k.data[base + t * shape.keyStride()],
                              shape.width);
      maximum = std::max(maximum, scores[t]);
    }
    for (double &score : scores)
      sum += score = std::exp(score - maximum);
    for (int64_t t = 0; t < visible; ++t)
      for (int64_t d = 0; d < shape.width; ++d)
        out.data[row * shape.width + d] +=
            scores[t] / sum * v.data[base + t * shape.keyStride() + d];
    logSumExp.data[row] = visible ? maximum + std::log(sum) : -INFINITY;
  });
  results.push_back(std::move(out));
  results.push_back(std::move(logSumExp));
  return success();
}

static LogicalResult attentionGrad(Operation *op, Operands operands, Results &results) {
  auto attention = cast<AttentionGradOp>(op);
  const Tensor &q = *operands[0], &k = *operands[1], &v = *operands[2], &out = *operands[3];
  const Tensor &logSumExp = *operands[4], &dOut = *operands[5];
  AttentionShape shape(q, k);
  int64_t width = shape.width;
  double scale = attention.getScale().convertToDouble();
  Tensor dq = Tensor::zeros(q.shape), dk = Tensor::zeros(k.shape), dv = Tensor::zeros(v.shape);
  shape.forEachRow(attention.getCausal(), [&](int64_t row, int64_t base, int64_t visible) {
    double delta = dot(&out.data[row * width], &dOut.data[row * width], width);
    for (int64_t t = 0; t < visible; ++t) {
      int64_t key = base + t * shape.keyStride();
      double p =
          std::exp(scale * dot(&q.data[row * width], &k.data[key], width) - logSumExp.data[row]);
      double dScore = scale * p * (dot(&dOut.data[row * width], &v.data[key], width) - delta);
      for (int64_t d = 0; d < width; ++d) {
        dv.data[key + d] += p * dOut.data[row * width + d];
        dq.data[row * width + d] += dScore * k.data[key + d];
        dk.data[key + d] += dScore * q.data[row * width + d];
      }
    }
  });
  results.push_back(std::move(dq));
  results.push_back(std::move(dk));
  results.push_back(std::move(dv));
  return success();
}

//===-- cross-entropy ----------------------------------------------------------===//

static LogicalResult crossEntropy(Operation *op, Operands operands, Results &results) {
  const Tensor &logits = *operands[0], &targets = *operands[1];
  int64_t first = getFirst(operands, 2), width = logits.shape.back();
  Tensor target = Tensor::zeros(targets.shape), logSumExp = target;
  for (int64_t i = 0; i < targets.size(); ++i) {
    const double *row = &logits.data[i * width];
    double maximum = *std::max_element(row, row + width), sum = 0;
    for (int64_t j = 0; j < width; ++j)
      sum += std::exp(row[j] - maximum);
    logSumExp.data[i] = maximum + std::log(sum);
    int64_t id = static_cast<int64_t>(targets.data[i]) - first;
    if (id >= 0 && id < width)
      target.data[i] = row[id];
  }
  results.push_back(std::move(target));
  results.push_back(std::move(logSumExp));
  return success();
}

static LogicalResult crossEntropyGrad(Operation *op, Operands operands, Results &results) {
  const Tensor &logits = *operands[0], &targets = *operands[1], &logSumExp = *operands[2];
  int64_t first = getFirst(operands, 5), width = logits.shape.back();
  Tensor result = logits;
  for (int64_t i = 0; i < targets.size(); ++i) {
    for (int64_t j = 0; j < width; ++j)
      result.data[i * width + j] =
          std::exp(logits.data[i * width + j] - logSumExp.data[i]) * operands[4]->data[i];
    int64_t id = static_cast<int64_t>(targets.data[i]) - first;
    if (id >= 0 && id < width)
      result.data[i * width + id] += operands[3]->data[i];
  }
  results.push_back(std::move(result));
  return success();
}

void tpc::addTransformerEvaluators(EvaluatorTable &table) {
  table.add<EmbeddingOp>(embedding);
  table.add<EmbeddingGradOp>(embeddingGrad);
  table.add<RmsNormOp>(rmsNorm);
  table.add<RmsNormGradOp>(rmsNormGrad);
  table.add<LayerNormOp>(layerNorm);
  table.add<LayerNormGradOp>(layerNormGrad);
  table.add<RopeTableOp>(ropeTable);
  table.add<RopeOp>(rope);
  table.add<AttentionOp>(attention);
  table.add<AttentionGradOp>(attentionGrad);
  table.add<CrossEntropyOp>(crossEntropy);
  table.add<CrossEntropyGradOp>(crossEntropyGrad);
}
