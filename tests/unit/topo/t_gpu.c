/* Finding the GPUs of recorded machines, and which is near to which CPUs. */
#include "config.h"
#include "topo/topo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"

/* Two packages of two CPUs each; what hangs on each, and on the machine. */
static const char machine[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<!DOCTYPE topology SYSTEM \"hwloc2.dtd\">\n"
    "<topology version=\"2.0\">\n"
    "<object type=\"Machine\" os_index=\"0\" cpuset=\"0xf\""
    " complete_cpuset=\"0xf\" allowed_cpuset=\"0xf\" nodeset=\"0x1\""
    " complete_nodeset=\"0x1\" allowed_nodeset=\"0x1\" gp_index=\"1\">\n"
    "<object type=\"NUMANode\" os_index=\"0\" cpuset=\"0xf\""
    " complete_cpuset=\"0xf\" nodeset=\"0x1\" complete_nodeset=\"0x1\""
    " gp_index=\"2\" local_memory=\"1073741824\"/>\n"
    "<object type=\"Package\" os_index=\"0\" cpuset=\"0x3\""
    " complete_cpuset=\"0x3\" nodeset=\"0x1\" complete_nodeset=\"0x1\""
    " gp_index=\"3\">\n"
    "<object type=\"PU\" os_index=\"0\" cpuset=\"0x1\""
    " complete_cpuset=\"0x1\" nodeset=\"0x1\" complete_nodeset=\"0x1\""
    " gp_index=\"4\"/>\n"
    "<object type=\"PU\" os_index=\"1\" cpuset=\"0x2\""
    " complete_cpuset=\"0x2\" nodeset=\"0x1\" complete_nodeset=\"0x1\""
    " gp_index=\"5\"/>\n"
    "%s</object>\n"
    "<object type=\"Package\" os_index=\"1\" cpuset=\"0xc\""
    " complete_cpuset=\"0xc\" nodeset=\"0x1\" complete_nodeset=\"0x1\""
    " gp_index=\"6\">\n"
    "<object type=\"PU\" os_index=\"2\" cpuset=\"0x4\""
    " complete_cpuset=\"0x4\" nodeset=\"0x1\" complete_nodeset=\"0x1\""
    " gp_index=\"7\"/>\n"
    "<object type=\"PU\" os_index=\"3\" cpuset=\"0x8\""
    " complete_cpuset=\"0x8\" nodeset=\"0x1\" complete_nodeset=\"0x1\""
    " gp_index=\"8\"/>\n"
    "%s</object>\n%s</object>\n</topology>\n";

#define PCI(gp, bus, type, rest)                                               \
    "<object type=\"PCIDev\" gp_index=\"" gp "\" name=\"dev" gp                \
    "\" pci_busid=\"" bus "\" pci_type=\"" type                                \
    " [0000:0000] a1\" pci_link_speed=\"0.0\">" rest "</object>\n"
#define OS(gp, name)                                                           \
    "<object type=\"OSDev\" gp_index=\"" gp "\" name=\"" name                  \
    "\" osdev_type=\"5\"/>\n"
#define NVIDIA   "0302 [10de:2330]"
#define AMD      "0380 [1002:740f]"
#define INSTINCT "1200 [1002:74a1]"
#define INTEL    "0300 [8086:3e92]"
#define ASPEED   "0300 [1a03:2000]"
#define NVSWITCH "0680 [10de:22a3]"

static struct topo *load(const char *first, const char *second, const char *all)
{
    char path[] = "/tmp/t_gpu.XXXXXX", text[8192];
    struct err err = {0};
    int len = snprintf(text, sizeof(text), machine, first, second, all);
    int fd = mkstemp(path);
    assert_true(fd >= 0 && len < (int)sizeof(text));
    assert_int_equal(file_write_all(fd, text, (size_t)len), 0);
    close(fd);
    struct topo *t = topo_load(path, &err);
    unlink(path);
    if (!t)
        fail_msg("%s", err.text);
    return t;
}

static void test_found(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second, *all;
        const char *addresses; /* of those that are GPUs, in their order */
    } cases[] = {
        {"", "", "", ""},
        {PCI("20", "0000:3b:00.0", NVIDIA, ""), "", "", "0000:3b:00.0 "},
        {PCI("20", "0000:af:00.0", NVIDIA, ""),
         PCI("21", "0000:3b:00.0", NVIDIA, ""), "",
         "0000:3b:00.0 0000:af:00.0 "},
        {PCI("20", "0001:01:00.0", AMD, "")
             PCI("21", "0000:41:00.0", INSTINCT, ""),
         "", "", "0000:41:00.0 0001:01:00.0 "},
        /* what every board has for a screen, and what joins GPUs */
        {PCI("20", "0000:03:00.0", ASPEED, "")
             PCI("21", "0000:04:00.0", NVSWITCH, ""),
         "", PCI("22", "0000:00:02.0", INTEL, ""), ""},
        /* Intel's, if its library knows it */
        {PCI("20", "0000:03:00.0", INTEL, OS("21", "ze0")), "", "",
         "0000:03:00.0 "},
        /* the library knows only what we may use */
        {PCI("20", "0000:3b:00.0", NVIDIA, OS("30", "nvml0"))
             PCI("21", "0000:3c:00.0", NVIDIA, ""),
         PCI("22", "0000:af:00.0", NVIDIA, OS("31", "cuda0"))
             PCI("23", "0000:b0:00.0", AMD, ""),
         "", "0000:3b:00.0 0000:af:00.0 0000:b0:00.0 "},
        {PCI("20", "0000:3b:00.0", NVIDIA, OS("30", "opencl0d0")), "", "",
         "0000:3b:00.0 "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topo *t = load(cases[i].first, cases[i].second, cases[i].all);
        struct node_info *info = mem_calloc(1, sizeof(*info));
        struct err err = {0};
        char text[512] = "";
        for (uint32_t g = 0; g < topo_gpu_count(t); g++) {
            strcat(text, topo_gpu(t, g)->address);
            strcat(text, " ");
        }
        assert_string_equal(text, cases[i].addresses);
        assert_null(topo_gpu(t, topo_gpu_count(t)));
        assert_int_equal(topo_describe(t, info, &err), 0);
        assert_int_equal(info->gpus, topo_gpu_count(t));
        mem_free(info);
        topo_destroy(t);
    }
}

/* The numbers that the libraries of the vendors give them. */
static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        enum gpu_vendor vendor;
        uint32_t number;
    } want[] = {{GPU_AMD, 0}, {GPU_NVIDIA, 0}, {GPU_AMD, 1}, {GPU_NVIDIA, 1}};
    struct topo *t = load(PCI("20", "0000:02:00.0", NVIDIA, "")
                              PCI("21", "0000:01:00.0", AMD, ""),
                          PCI("22", "0000:04:00.0", NVIDIA, "")
                              PCI("23", "0000:03:00.0", AMD, ""),
                          "");
    assert_int_equal(topo_gpu_count(t), 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(topo_gpu(t, i)->vendor, want[i].vendor);
        assert_int_equal(topo_gpu(t, i)->number, want[i].number);
        assert_int_equal(atoi(topo_gpu(t, i)->visible), want[i].number);
    }
    assert_string_equal(topo_gpu(t, 0)->name, "dev21");
    topo_destroy(t);
}

/* What a batch system leaves us. */
static void test_visible(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        uint32_t number;
        const char *visible; /* NULL: it is not for us */
    } cases[] = {
        {NULL, 0, "0"},
        {NULL, 7, "7"},
        {"", 0, NULL},
        {"-1", 0, NULL},
        {"NoDevFiles", 0, NULL},
        {"2,3", 2, "2"},
        {"2,3", 3, "3"},
        {"2,3", 0, NULL},
        {"0,1,-1,2", 1, "1"},
        {"0,1,-1,2", 2, NULL},
        {"0,1,x,2", 2, NULL},
        {"GPU-5a4f,GPU-11", 0, "GPU-5a4f"},
        {"GPU-5a4f,GPU-11", 1, "GPU-11"},
        {"GPU-5a4f,GPU-11", 2, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char visible[64] = "";
        bool is = topo_gpu_is_visible(cases[i].list, cases[i].number, visible);
        if (is != (cases[i].visible != NULL))
            fail_msg("case %zu: %d", i, is);
        if (is)
            assert_string_equal(visible, cases[i].visible);
    }
}

static void test_near(void **state)
{
    (void)state;
    struct topo *t = load(PCI("20", "0000:01:00.0", NVIDIA, ""),
                          PCI("21", "0000:02:00.0", NVIDIA, "")
                              PCI("22", "0000:03:00.0", NVIDIA, ""),
                          PCI("23", "0000:04:00.0", NVIDIA, ""));
    static const struct {
        unsigned cpus; /* bits */
        uint32_t order[5];
    } cases[] = {
        {1, {0, 3, 4, 1, 2}},   {2, {0, 3, 4, 1, 2}},   {4, {1, 2, 3, 4, 0}},
        {0xc, {1, 2, 3, 4, 0}}, {0xf, {0, 1, 2, 3, 4}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t order[5];
        cpu_set_t set;
        CPU_ZERO(&set);
        for (unsigned c = 0; c < 4; c++)
            if (cases[i].cpus >> c & 1)
                CPU_SET(c, &set);
        /* one more than was found: nobody knows where it is */
        topo_gpu_order(t, &set, sizeof(set), 5, order);
        assert_memory_equal(order, cases[i].order, sizeof(order));
        assert_int_equal(topo_gpu_is_near(t, 0, &set, sizeof(set)),
                         (cases[i].cpus & 3) != 0);
        assert_int_equal(topo_gpu_is_near(t, 1, &set, sizeof(set)),
                         (cases[i].cpus & 0xc) != 0);
        assert_true(topo_gpu_is_near(t, 3, &set, sizeof(set)));
        assert_true(topo_gpu_is_near(t, 9, &set, sizeof(set)));
    }
    topo_destroy(t);
}

/* More than a node may have: the first ones. */
static void test_many(void **state)
{
    (void)state;
    static char text[65536];
    size_t len = 0;
    struct err err = {0};
    char path[] = "/tmp/t_gpu.XXXXXX", devices[48000];
    for (int i = 0; i < 100; i++)
        len += (size_t)snprintf(devices + len, sizeof(devices) - len,
                                PCI("1%02d", "0000:%02x:00.0", NVIDIA, ""), i,
                                i, i + 1);
    int total = snprintf(text, sizeof(text), machine, devices, "", "");
    int fd = mkstemp(path);
    assert_true(fd >= 0 && total < (int)sizeof(text));
    assert_int_equal(file_write_all(fd, text, (size_t)total), 0);
    close(fd);
    struct topo *t = topo_load(path, &err);
    unlink(path);
    assert_non_null(t);
    assert_int_equal(topo_gpu_count(t), GPU_MAX_PER_NODE);
    assert_string_equal(topo_gpu(t, 63)->address, "0000:40:00.0");
    topo_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),   cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_visible), cmocka_unit_test(test_near),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
