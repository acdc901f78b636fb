//===- SignatureAttributes.cpp --------------------------------------------===//

#include "tpc/Dialect/SignatureAttributes.h"

using namespace mlir;
using namespace tpc;

SignatureAttributes::SignatureAttributes(FunctionOpInterface function) : function(function) {
  for (unsigned number = 0; number < function.getNumArguments(); ++number)
    arguments.emplace_back(function.getArgAttrDict(number));
  for (unsigned number = 0; number < function.getNumResults(); ++number)
    results.emplace_back(function.getResultAttrDict(number));
}

static SmallVector<DictionaryAttr> getDictionaries(MutableArrayRef<NamedAttrList> lists,
                                                   MLIRContext *context) {
  return llvm::map_to_vector(lists,
                             [&](NamedAttrList &list) { return list.getDictionary(context); });
}

void SignatureAttributes::write() {
  function.setAllArgAttrs(getDictionaries(arguments, function->getContext()));
  function.setAllResultAttrs(getDictionaries(results, function->getContext()));
}
