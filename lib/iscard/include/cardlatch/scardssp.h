#pragma once

// The Smart Card Base Components interfaces as Microsoft documents them. A program written against that
// documentation includes this in place of <scardssp.h>, <scarddat.h>, <scardmgr.h>, <scardsrv.h> and
// <objbase.h>, and links libcardlatch.

#include <cardlatch/iscard/bytebuffer.h>
#include <cardlatch/iscard/com.h>
#include <cardlatch/iscard/scard.h>
#include <cardlatch/iscard/scardcmd.h>
#include <cardlatch/iscard/stream.h>
