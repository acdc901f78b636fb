//===- InitAllPasses.h - the one place where passes are registered -------------===//

#ifndef TPC_INITALLPASSES_H
#define TPC_INITALLPASSES_H

namespace tpc {

inline void registerAllPasses() {}

} // namespace tpc

#endif // TPC_INITALLPASSES_H
