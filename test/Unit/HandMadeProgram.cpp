#include "HandMadeProgram.h"
#include "tpc/runtime/Context.h"

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

namespace tpc::test {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t tokenCount = handBatch * handSequence, tableSize = handVocabulary * handWidth;
constexpr const char *tableName = "model.embed_tokens.weight", *scaleName = "model.norm.weight";

/// Byte offsets in the private region; the table's slots are large enough for all its rows.
enum Offset : int64_t {
  Tokens = 0,
  Targets = 64,
  Scalars = 128, // sixteen of 8 bytes
  Results = 256,
  Table = 320,
  TableMoment = Table + tableSize * 4,
  TableSquare = TableMoment + tableSize * 4,
  TableGradient = TableSquare + tableSize * 4,
  Scale = TableGradient + tableSize * 4,
  ScaleMoment = Scale + 64,
  ScaleSquare = ScaleMoment + 64,
  ScaleGradient = ScaleSquare + 64,
  Logits = ScaleGradient + 64,
  End = Logits + tokenCount * handVocabulary * 4
};

const char *const scalarNames[] = {"ignore_index", "learning_rate", "beta1",
                                   "step",         "seed",          "init_scheme"};
enum Scalar { IgnoreIndex, LearningRate, Beta1, Step, Seed, InitScheme };
const char *const scalarTypes[] = {"i32", "f32", "f32", "i32", "i64", "i32"};

Json slot(int64_t offset) { return {{"space", "private"}, {"offset", offset}}; }

Json value(const std::string &name, const std::string &dtype, const Json &shape, int64_t offset) {
  Json dims = Json::array();
  for (size_t d = 0; d < shape.size(); ++d)
    dims.push_back(Json::array());
  return {{"name", name}, {"dtype", dtype},     {"local_shape", shape}, {"global_shape", shape},
          {"dims", dims}, {"space", "private"}, {"offset", offset}};
}

Json inputs(std::initializer_list<Scalar> scalars, bool tokens, bool targets) {
  Json result = Json::array();
  if (tokens)
    result.push_back(value("tokens", "i32", {handBatch, handSequence}, Tokens));
  if (targets)
    result.push_back(value("targets", "i32", {handBatch, handSequence}, Targets));
  for (Scalar scalar : scalars)
    result.push_back(
        value(scalarNames[scalar], scalarTypes[scalar], Json::array(), Scalars + 8 * scalar));
  return result;
}

Json outputs(std::initializer_list<const char *> names) {
  Json result = Json::array();
  int64_t offset = Results;
  for (const char *name : names)
    result.push_back(value(name, "f32", Json::array(), offset)), offset += 4;
  return result;
}

Json allReduce(int64_t index, int64_t tp, int64_t elements) {
  Json group = Json::array();
  for (int64_t rank = 0; rank < tp; ++rank)
    group.push_back(rank);
  return {{"index", index},
          {"op", "all_reduce"},
          {"axes", {{{"axis", "tp"}, {"pre", 1}, {"size", tp}}}},
          {"groups", Json::array({group})},
          {"reduction", "sum"},
          {"dtype", "f32"},
          {"operands", {{{"input_shape", {elements}}, {"output_shape", {elements}}}}},
          {"module", "model"},
          {"location", "by hand"}};
}

/// What an entry sees of one rank.
struct Rank {
  Rank(tpc_context *context, char *base)
      : context(context), base(base), tp(context->mesh.axes[0].size), rows(handVocabulary / tp),
        firstRow(tpc_axis_index(context, 0) * rows) {}
  float *floats(int64_t offset) const { return reinterpret_cast<float *>(base + offset); }
  const int32_t *ids(int64_t offset) const {
    return reinterpret_cast<const int32_t *>(base + offset);
  }
  template <typename T>
  T scalar(Scalar which) const {
    T result;
    std::memcpy(&result, base + Scalars + 8 * which, sizeof(result));
    return result;
  }
  void sum(int64_t collective, int64_t offset) const {
    char *pointer = base + offset;
    tpc_collective_start(context, collective, &pointer, &pointer);
    tpc_collective_wait(context, collective);
  }
  tpc_context *context;
  char *base;
  int64_t tp, rows, firstRow;
};

void init(tpc_context *context, char *base, char *) {
  Rank rank(context, base);
  const char *seed = base + Scalars + 8 * Seed, *scheme = base + Scalars + 8 * InitScheme;
  tpc_init_desc table = {tableName,
                         TPC_F32,
                         TPC_EMBEDDING,
                         handWidth,
                         0.02,
                         2,
                         {handVocabulary, handWidth},
                         {rank.rows, handWidth}};
  int64_t offsets[] = {rank.firstRow, 0}, zero[] = {0};
  tpc_init_tensor(context, &table, seed, scheme, offsets, base + Table);
  tpc_init_desc scale = {scaleName, TPC_F32, TPC_NORM,    handWidth,
                         0.02,      1,       {handWidth}, {handWidth}};
  tpc_init_tensor(context, &scale, seed, scheme, zero, base + Scale);
  for (int64_t moment : {TableMoment, TableSquare})
    std::memset(base + moment, 0, tableSize * 4);
  for (int64_t moment : {ScaleMoment, ScaleSquare})
    std::memset(base + moment, 0, handWidth * 4);
}

/// Loss and valid tokens into Results and Results + 8 (whole on every rank); gradients if asked
/// for.
void lossOf(const Rank &rank, bool gradients, int64_t tokensOffset) {
  float *result = rank.floats(Results), *table = rank.floats(Table), *scale = rank.floats(Scale);
  float *tableGradient = rank.floats(TableGradient), *scaleGradient = rank.floats(ScaleGradient);
  std::memset(tableGradient, 0, tableSize * 4);
  std::memset(scaleGradient, 0, handWidth * 4);
  int valid = 0;
  for (int64_t i = 0; i < tokenCount; ++i)
    valid += rank.ids(Targets)[i] != rank.scalar<int32_t>(IgnoreIndex);
  float loss = 0, weight = 1.0f / static_cast<float>(valid > 0 ? valid : 1);
  for (int64_t i = 0; i < tokenCount; ++i) {
    int64_t row = rank.ids(Tokens)[i] - rank.firstRow;
    int32_t target = rank.ids(Targets)[i];
    if (row < 0 || row >= rank.rows || target == rank.scalar<int32_t>(IgnoreIndex))
      continue;
    for (int64_t d = 0; d < handWidth; ++d) {
      float factor = static_cast<float>(target) / 16;
      float difference = table[row * handWidth + d] - factor * scale[d];
      loss += 0.5f * difference * difference * weight;
      tableGradient[row * handWidth + d] += difference * weight;
      scaleGradient[d] -= difference * weight * factor;
    }
  }
  result[0] = loss;
  rank.sum(0, Results);
  result[tokensOffset] = static_cast<float>(valid);
  if (gradients)
    rank.sum(1, ScaleGradient);
}

void loss(tpc_context *context, char *base, char *) { lossOf(Rank(context, base), false, 1); }

void update(const Rank &rank, int64_t parameter, int64_t moment, int64_t gradient, int64_t size) {
  for (int64_t i = 0; i < size; ++i) {
    float &average = rank.floats(moment)[i];
    average = rank.scalar<float>(Beta1) * average + rank.floats(gradient)[i];
    rank.floats(parameter)[i] -= rank.scalar<float>(LearningRate) * average;
  }
}

void step(tpc_context *context, char *base, char *) {
  Rank rank(context, base);
  lossOf(rank, true, 2);
  float squares = 0;
  for (int64_t i = 0; i < rank.rows * handWidth; ++i)
    squares += std::pow(rank.floats(TableGradient)[i], 2.0f);
  rank.floats(Results)[1] = squares;
  rank.sum(0, Results + 4);
  for (int64_t d = 0; d < handWidth; ++d)
    rank.floats(Results)[1] += std::pow(rank.floats(ScaleGradient)[d], 2.0f);
  rank.floats(Results)[1] = std::sqrt(rank.floats(Results)[1]);
  update(rank, Table, TableMoment, TableGradient, rank.rows * handWidth);
  update(rank, Scale, ScaleMoment, ScaleGradient, handWidth);
}

/// logits[i, r] = table[r, 0] + token i, for the rows of this rank.
void forward(tpc_context *context, char *base, char *) {
  Rank rank(context, base);
  for (int64_t i = 0; i < tokenCount; ++i)
    for (int64_t row = 0; row < rank.rows; ++row)
      rank.floats(Logits)[i * rank.rows + row] =
          rank.floats(Table)[row * handWidth] + static_cast<float>(rank.ids(Tokens)[i]);
}

Json parameter(const char *name, const Json &shape, int64_t tp, bool split, int64_t at) {
  Json local = shape, dims = Json::array();
  for (size_t d = 0; d < shape.size(); ++d)
    dims.push_back(Json::array());
  if (split) {
    local[0] = shape[0].get<int64_t>() / tp;
    dims[0].push_back({{"axis", "tp"}, {"pre", 1}, {"size", tp}});
  }
  int64_t stride = split ? tableSize * 4 : 64;
  return {{"name", name},
          {"shape", shape},
          {"dtype", "f32"},
          {"global_shape", shape},
          {"local_shape", local},
          {"dims", dims},
          {"layout", split ? "Shard(0) on tp" : "Replicate"},
          {"value", slot(at)},
          {"exp_avg", slot(at + stride)},
          {"exp_avg_sq", slot(at + 2 * stride)},
          {"gradient", slot(at + 3 * stride)}};
}

} // namespace

std::string handMadeManifest(int64_t tp, const std::string &mode, int64_t width) {
  Json logits = value("logits", "f32", {handBatch, handSequence, handVocabulary}, Logits);
  logits["local_shape"][2] = handVocabulary / tp;
  logits["dims"][2].push_back({{"axis", "tp"}, {"pre", 1}, {"size", tp}});
  Json manifest = {
      {"tpc_manifest", 1},
      {"mode", mode},
      {"target", {{"name", "cpu"}}},
      {"cpu", "x86-64"},
      {"mesh", {{"axes", {{{"name", "tp"}, {"size", tp}}}}}},
      {"batch", handBatch},
      {"sequence", handSequence},
      {"vocabulary", handVocabulary},
      {"model",
       {{"model_type", "by-hand"}, {"hidden_size", width}, {"vocab_size", handVocabulary}}},
      {"flops_per_token", 24},
      {"arena",
       {{"private", End},
        {"communication", 0},
        {"packing", 0},
        {"workspace_per_thread", 128},
        {"peak", {{"parameters", 4 * tableSize}, {"activations", 64}}}}},
      {"parameters",
       {parameter(tableName, {handVocabulary, width}, tp, true, Table),
        parameter(scaleName, {width}, tp, false, Scale)}},
      {"entries",
       {{"init",
         {{"inputs", inputs({Seed, InitScheme}, false, false)}, {"outputs", Json::array()}}},
        {"step",
         {{"inputs", inputs({IgnoreIndex, LearningRate, Beta1, Step}, true, true)},
          {"outputs", outputs({"loss", "grad_norm", "tokens"})}}},
        {"loss",
         {{"inputs", inputs({IgnoreIndex}, true, true)}, {"outputs", outputs({"loss", "tokens"})}}},
        {"forward", {{"inputs", inputs({}, true, false)}, {"outputs", Json::array({logits})}}}}},
      {"collectives", {allReduce(0, tp, 1), allReduce(1, tp, handWidth)}}};
  return manifest.dump();
}

const tpc_entry_point *handMadeEntries() {
  static const tpc_entry_point entries[] = {
      {"init", init}, {"step", step}, {"loss", loss}, {"forward", forward}};
  return entries;
}

} // namespace tpc::test
