#include "Train/Checkpoint.h"
#include "Train/HuggingFace.h"
#include "Train/Training.h"

namespace tpc::runtime {

void loadWeights(Program &program, const std::string &folder) {
  if (isCheckpoint(folder))
    loadCheckpoint(folder, program, /*state=*/false);
  else if (auto last = findCheckpoint(folder))
    loadCheckpoint(*last, program, /*state=*/false);
  else
    loadHuggingFace(folder, program);
  for (const Parameter &parameter : program.manifest().parameters)
    for (const std::optional<KeptTensor> &state : {parameter.expAvg, parameter.expAvgSq})
      if (state)
        program.device().fillZero(program.at(state->slot),
                                  localBytes(state->placement, parameter.dtype));
}

} // namespace tpc::runtime
