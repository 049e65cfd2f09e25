# vecext: vectors, vector indexes and a context graph for PostgreSQL
#
# Two kinds of targets live here.  The front targets (see "make help") need
# nothing but make and a shell: they install what they need and call the
# scripts under test/.  Everything else is plain PGXS: all, install,
# installcheck, clean.  Both work from a checkout and out of tree
# (make -f SRC/Makefile VPATH=SRC).

# In place it is ".": make has no names with spaces, and a checkout's may have some.
VX_SRC := $(if $(filter-out Makefile,$(strip $(MAKEFILE_LIST))),$(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST))))),.)

# The front targets, with the words that "make help" prints: the only list.
#
#@ check            every suite on this Debian release's PostgreSQL
#@ check-pg17       the same on PostgreSQL 17, in a Debian root of its own
#@ check-pg18       the same on PostgreSQL 18
#@ check-asserts    the same on a server with assertions, then under valgrind
#@ check-blocks     what fills pages, on servers with blocks of 4 kB and of 32 kB
#@ check-all        check, check-pg17, check-pg18 and check-asserts
#@ check-long       check, then what is too slow for every change
#@ demo             a guided tour on a private server; KEEP=1 keeps it
#@ bench            the measurements, each ratio taken in one run
#@ dist             a release archive of what is committed
#@ help             this list
FRONT_TARGETS := $(shell sed -n 's/^\#@ \([a-z0-9-]*\) .*/\1/p' $(VX_SRC)/Makefile)

ifneq ($(filter $(FRONT_TARGETS),$(MAKECMDGOALS)),)

.PHONY: $(FRONT_TARGETS)

help:
	@sed -n 's/^#@ /make /p' $(VX_SRC)/Makefile
	@echo 'SUITES="lint regress ..." and TESTS="name ..." narrow a check down.'
	@echo 'BLOCKS=4 or BLOCKS=32 takes one of the servers of check-blocks.'
	@echo 'PGXS targets: all install uninstall installcheck clean, with PG_CONFIG=...'

demo:
	@KEEP="$(KEEP)" $(VX_SRC)/test/run demo

check check-long check-asserts check-blocks check-pg17 check-pg18 check-all:
	@KEEP="$(KEEP)" TESTS="$(TESTS)" BLOCKS="$(BLOCKS)" PG_CONFIG="$(PG_CONFIG)" $(VX_SRC)/test/run $@ $(SUITES)

bench dist:
	@$(VX_SRC)/test/run $@

else

EXTENSION = vecext
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(VX_SRC)/vecext.control)
MODULE_big = vecext

VX_CFILES := $(sort $(wildcard $(VX_SRC)/src/*.c $(VX_SRC)/src/*/*.c))
OBJS = $(patsubst $(VX_SRC)/%.c,%.o,$(VX_CFILES))

# The install script is its fragments in order.
INSTALL_FRAGMENTS := $(sort $(wildcard $(VX_SRC)/sql/install/*.sql))
DATA_built = vecext--$(EXTVERSION).sql
# PGXS puts the source directory before these itself.
DATA = $(patsubst $(VX_SRC)/%,%,$(wildcard $(VX_SRC)/sql/upgrade/vecext--*.sql))
SCRIPTS = $(patsubst $(VX_SRC)/%,%,$(wildcard $(VX_SRC)/src/client/vecext-*))

PG_CPPFLAGS = -I$(VX_SRC)/src
# Not CFLAGS: an override there would hide every flag that PGXS sets later.
override PG_CFLAGS += -MMD -MP
ifeq ($(shell uname -s),Linux)
SHLIB_LINK += -Wl,--version-script=$(VX_SRC)/src/vecext.map
endif

# pg_regress inputs are every sql/<area>_<topic>.sql.
REGRESS := $(sort $(basename $(notdir $(wildcard $(VX_SRC)/sql/*.sql))))
REGRESS_OPTS = --inputdir=$(VX_SRC) --outputdir=test/output
ISOLATION := $(sort $(basename $(notdir $(wildcard $(VX_SRC)/test/isolation/specs/*.spec))))
ISOLATION_OPTS = --inputdir=$(VX_SRC)/test/isolation --outputdir=test/output/isolation
TAP_TESTS = 1
PROVE_TESTS ?= $(VX_SRC)/test/tap/*.pl

EXTRA_CLEAN = $(OBJS:.o=.d) test/output tmp_check

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS compiles into the build directory but does not make its folders.
$(OBJS): | vx-object-folders
.PHONY: vx-object-folders
vx-object-folders:
	@mkdir -p $(sort $(dir $(OBJS)))

vecext--$(EXTVERSION).sql: $(INSTALL_FRAGMENTS)
	cat $(INSTALL_FRAGMENTS) > $@

installcheck: | test/output/isolation
test/output/isolation:
	mkdir -p $@

# PGXS installs scripts by their names, but would remove them by their paths.
uninstall: vx-uninstall-scripts
.PHONY: vx-uninstall-scripts
vx-uninstall-scripts:
	rm -f $(addprefix '$(DESTDIR)$(bindir)'/, $(notdir $(SCRIPTS)))

# For test/lib: the objects alone, and what PGXS made of a variable.
.PHONY: vx-objects
vx-objects: $(OBJS)

vx-print-%:
	@echo $($*)

-include $(OBJS:.o=.d)

endif
