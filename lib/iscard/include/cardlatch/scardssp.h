#pragma once

// The Smart Card Base Components interfaces as Microsoft documents them. A program written against that
// documentation includes this in place of <scardssp.h>, <scarddat.h>, <scardmgr.h>, <scardsrv.h> and
// <objbase.h>, and links libcardlatch. The other three names exist as well, for programs that include them.

#include <cardlatch/iscard/automation.h>
#include <cardlatch/iscard/bytebuffer.h>
#include <cardlatch/iscard/com.h>
#include <cardlatch/iscard/scard.h>
#include <cardlatch/iscard/scardcmd.h>
#include <cardlatch/iscard/scarddatabase.h>
#include <cardlatch/iscard/scardiso7816.h>
#include <cardlatch/iscard/scardlocate.h>
#include <cardlatch/iscard/scardmanage.h>
#include <cardlatch/iscard/scardtypeconv.h>
#include <cardlatch/iscard/stream.h>
