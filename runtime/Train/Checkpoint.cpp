#include "Train/Checkpoint.h"
#include "IO/AsideFile.h"
#include "IO/Safetensors.h"
#include "Train/CheckpointIndex.h"
#include "Train/SharedFile.h"

#include <cstdio>
#include <filesystem>
#include <unistd.h>

namespace tpc::runtime {
namespace {

std::string nameOf(int64_t step) {
  char name[32];
  std::snprintf(name, sizeof(name), "step-%08lld", static_cast<long long>(step));
  return name;
}

std::string fileOf(int64_t rank) { return "rank-" + std::to_string(rank) + ".safetensors"; }

/// Writes the parts that are this rank's to write.
void writeOwnFile(Program &program, const std::string &folder) {
  std::vector<TensorSpec> specs;
  std::vector<const char *> data;
  for (const StateTensor &tensor : stateTensors(program.manifest()))
    if (const Placement &placement = tensor.kept.placement; program.writes(placement)) {
      specs.push_back(
          {tensor.name, safetensorsType(tensor.parameter->dtype), placement.localShape});
      data.push_back(program.at(tensor.kept.slot));
    }
  SafetensorsLayout layout(std::move(specs));
  AsideFile file(folder + "/" + fileOf(program.rank()), layout.size());
  file.write(0, layout.header().data(), layout.header().size());
  for (size_t i = 0; i < data.size(); ++i) {
    const TensorSpec &spec = layout.tensors()[i];
    file.write(layout.offset(i), data[i],
               static_cast<uint64_t>(spec.elements()) * safetensorsElementBytes(spec.dtype));
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
  } catch (...) {
    if (program.rank() == 0)
      removeFolder(partial);
    throw;
  }
}

bool isCheckpoint(const std::string &folder) {
  return std::filesystem::exists(folder + "/index.json");
}

std::optional<std::string> findCheckpoint(const std::string &folder) {
  std::optional<std::string> best;
  int64_t bestStep = -1;
  std::error_code error;
  for (auto &entry : std::filesystem::directory_iterator(folder, error)) {
    std::string name = entry.path().filename();
    int64_t step = name.rfind("step-", 0) == 0 ? std::atoll(name.c_str() + 5) : -1;
    if (step > bestStep && name == nameOf(step) && isCheckpoint(entry.path()))
      bestStep = step, best = entry.path().string();
  }
  return best;
}

Progress loadCheckpoint(const std::string &folder, Program &program, bool state) {
  CheckpointIndex index = readIndex(folder + "/index.json", program.manifest());
  std::map<std::string, std::unique_ptr<SafetensorsFile>> files;
  for (const StateTensor &tensor : stateTensors(program.manifest())) {
    if (tensor.isState && !state)
      continue;
    const Parameter &parameter = *tensor.parameter;
    Box mine = program.boxOf(tensor.kept.placement);
    int64_t found = 0;
    for (const StoredPart &part : index.parts.at(tensor.name)) {
      std::unique_ptr<SafetensorsFile> &file = files[part.file];
      if (!file)
        file = std::make_unique<SafetensorsFile>(folder + "/" + part.file);
      const StoredTensor *stored = file->find(tensor.name);
      if (!stored || stored->shape != part.box.sizes ||
          stored->dtype != safetensorsType(parameter.dtype))
        throw Error(file->path() + " does not hold the part of " + tensor.name +
                    " that index.json places there");
      found += copyShared(part.box, stored->data, mine, program.at(tensor.kept.slot),
                          static_cast<int64_t>(elementBytes(parameter.dtype)));
    }
    if (found != elementsOf(mine.sizes))
      throw Error("checkpoint " + folder + " lacks a part of " + tensor.name);
  }
  return index.progress;
}

} // namespace tpc::runtime
