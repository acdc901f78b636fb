#include "Train/Checkpoint.h"
#include "IO/AsideFile.h"
#include "IO/Safetensors.h"
#include "Train/CheckpointIndex.h"
#include "Train/Finite.h"
#include "Train/SharedFile.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <unistd.h>

namespace tpc::runtime {
namespace {

std::string nameOf(int64_t step) {
  char name[32];
  std::snprintf(name, sizeof(name), "step-%08lld", static_cast<long long>(step));
  return name;
}

/// The step that a folder's name tells, or -1.
int64_t stepOf(const std::string &name) {
  int64_t step = name.rfind("step-", 0) == 0 ? std::atoll(name.c_str() + 5) : -1;
  return step >= 0 && name == nameOf(step) ? step : -1;
}

std::string fileOf(int64_t rank) { return "rank-" + std::to_string(rank) + ".safetensors"; }

/// Writes a part at `start`, without the padding that lies between its elements in memory.
void writePart(AsideFile &file, uint64_t start, const TensorSpec &spec, const Shape &localShape,
               const char *data) {
  auto element = static_cast<int64_t>(safetensorsElementBytes(spec.dtype));
  forEachRun(spec.shape, {Shape(spec.shape.size(), 0), spec.shape}, localShape,
             [&](int64_t stored, int64_t local, int64_t length) {
               file.write(start + static_cast<uint64_t>(stored * element), data + local * element,
                          static_cast<uint64_t>(length * element));
             });
}

/// Writes the parts that are this rank's to write.
void writeOwnFile(Program &program, const std::string &folder) {
  std::vector<TensorSpec> specs;
  std::vector<StateTensor> own;
  for (const StateTensor &tensor : stateTensors(program.manifest())) {
    const Placement &placement = tensor.kept.placement;
    Box box = program.boxOf(placement);
    if (!program.writes(placement) || box.empty())
      continue;
    specs.push_back({tensor.name, safetensorsType(tensor.parameter->dtype), box.sizes});
    own.push_back(tensor);
  }
  SafetensorsLayout layout(std::move(specs));
  AsideFile file(folder + "/" + fileOf(program.rank()), layout.size());
  file.write(0, layout.header().data(), layout.header().size());
  for (size_t i = 0; i < own.size(); ++i) {
    const KeptTensor &kept = own[i].kept;
    HostBytes part = program.read(kept.slot, kept.placement, own[i].parameter->dtype);
    checkFinite(program, own[i].name, kept.placement, own[i].parameter->dtype, part.data());
    writePart(file, layout.offset(i), layout.tensors()[i], kept.placement.localShape, part.data());
  }
  file.commit();
}

/// A folder of this name from an earlier run makes way only when the new one is complete.
void publish(const std::string &partial, const std::string &final) {
  std::string old = final + ".old.partial";
  removeFolder(old);
  if (std::filesystem::exists(final))
    renameDurably(final, old);
  renameDurably(partial, final);
  removeFolder(old);
}

/// A rank may create its file while rank 0 clears the folder; the last to go takes it along.
void dropPartial(const std::string &partial, int64_t rank) {
  std::error_code notEmpty;
  if (rank == 0)
    removeFolder(partial);
  else
    std::filesystem::remove(partial, notEmpty);
}

} // namespace

void saveCheckpoint(Program &program, const std::string &folder, const Progress &progress) {
  std::string final = folder + "/" + nameOf(progress.step), partial = final + ".partial";
  Communicator &ranks = *program.context().communicator;
  try {
    if (program.rank() == 0)
      removeFolder(partial), makeFolder(partial);
    ranks.barrier();
    writeOwnFile(program, partial);
    ranks.barrier();
    if (program.rank() == 0) {
      writeTextFile(partial + "/index.json", printIndex(program.manifest(), progress, fileOf));
      publish(partial, final);
    }
    ranks.barrier();
  } catch (const std::exception &error) {
    if (!ranks.failed()) // told first, or a rank that misses the folder is taken for the cause
      program.context().fail(error.what());
    dropPartial(partial, program.rank());
    throw;
  }
}

bool isCheckpoint(const std::string &folder) {
  return std::filesystem::exists(folder + "/index.json");
}

std::optional<int64_t> lastStep(const std::string &folder) {
  std::optional<int64_t> last;
  std::error_code error;
  for (auto &entry : std::filesystem::directory_iterator(folder, error)) {
    int64_t step = stepOf(entry.path().filename());
    if (step > last.value_or(-1) && isCheckpoint(entry.path()))
      last = step;
  }
  return last;
}

std::optional<std::string> findCheckpoint(const std::string &folder) {
  std::optional<int64_t> step = lastStep(folder);
  return step ? std::optional(folder + "/" + nameOf(*step)) : std::nullopt;
}

/// A folder of another name than ours, a copy, may hold any step.
static void checkName(const std::string &folder, int64_t step) {
  int64_t named = stepOf(std::filesystem::path(folder + "/").parent_path().filename());
  if (named >= 0 && named != step)
    throw Error("checkpoint " + folder + " is damaged: its index.json is of step " +
                std::to_string(step));
}

Progress loadCheckpoint(const std::string &folder, Program &program, bool state) {
  CheckpointIndex index = readIndex(folder + "/index.json", program.manifest());
  checkName(folder, index.progress.step);
  std::map<std::string, std::unique_ptr<SafetensorsFile>> files;
  for (const StateTensor &tensor : stateTensors(program.manifest())) {
    if (tensor.isState && !state)
      continue;
    const Parameter &parameter = *tensor.parameter;
    const Placement &placement = tensor.kept.placement;
    Box mine = program.boxOf(placement);
    HostBytes part = program.prepare(tensor.kept.slot, placement, parameter.dtype);
    std::memset(part.data(), 0, localBytes(placement, parameter.dtype)); // the padding's value
    int64_t found = 0;
    for (const StoredPart &stored : index.parts.at(tensor.name)) {
      std::unique_ptr<SafetensorsFile> &file = files[stored.file];
      if (!file)
        file = std::make_unique<SafetensorsFile>(folder + "/" + stored.file);
      const StoredTensor *tensorInFile = file->find(tensor.name);
      if (!tensorInFile || tensorInFile->shape != stored.box.sizes ||
          tensorInFile->dtype != safetensorsType(parameter.dtype))
        throw Error(file->path() + " does not hold the part of " + tensor.name +
                    " that index.json places there");
      found += copyShared(stored.box, tensorInFile->data, mine, placement.localShape, part.data(),
                          static_cast<int64_t>(elementBytes(parameter.dtype)));
    }
    if (found != elementsOf(mine.sizes))
      throw Error("checkpoint " + folder + " lacks a part of " + tensor.name);
    part.store();
  }
  return index.progress;
}

} // namespace tpc::runtime
