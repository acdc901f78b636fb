#include "Train/Feed.h"
#include "Train/SharedFile.h"
#include "Train/Training.h"

namespace tpc::runtime {

void runForward(Program &program, const Options &options) {
  const Manifest &manifest = program.manifest();
  TokenData data(options.data, options.dataType, manifest.sequence, manifest.vocabulary);
  checkSameData(program, data, manifest.batch);
  loadWeights(program, options.load);
  feedBatch(program, "forward", data, 0);
  program.run("forward");
  const Value *logits = program.output("forward", "logits");
  if (!logits)
    throw Error("the program has no output 'logits'");
  SharedSafetensors file(
      program, options.logits,
      {{"logits", safetensorsType(logits->dtype), logits->placement.globalShape}});
  file.write(0, logits->placement, logits->dtype,
             program.read(logits->slot, logits->placement, logits->dtype).data());
  file.commit();
  if (program.rank() == 0 && !options.quiet)
    std::printf("logits of %lld sequences: %s\n%s\n", static_cast<long long>(manifest.batch),
                options.logits.c_str(), program.describeMemory().c_str());
}

} // namespace tpc::runtime
