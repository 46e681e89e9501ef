/* What went wrong with a task: see failure.h. */
#include "config.h"
#include "model/failure.h"

#include <errno.h>
#include <stdbool.h>

static const struct {
    const char *code;
    enum failure_category category;
} failures[FAILURE_COUNT] = {
    [FAILURE_NONE] = {"", FAILURE_CATEGORY_NONE},
    [FAILURE_EXIT_CODE] = {"FailureExitCode", FAILURE_USER_ERROR},
    [FAILURE_TASK_ENDED] = {"TaskEnded", FAILURE_SERVER_ERROR},
    [FAILURE_COMMAND_PROGRAM_NOT_FOUND] = {"CommandProgramNotFound",
                                           FAILURE_USER_ERROR},
    [FAILURE_COMMAND_LAUNCH_FAILED] = {"CommandLaunchFailed",
                                       FAILURE_USER_ERROR},
    [FAILURE_APPLICATION_PACKAGE_ERROR] = {"ApplicationPackageError",
                                           FAILURE_USER_ERROR},
    [FAILURE_BLOB_NOT_FOUND] = {"BlobNotFound", FAILURE_USER_ERROR},
    [FAILURE_BLOB_ACCESS_DENIED] = {"BlobAccessDenied", FAILURE_USER_ERROR},
    [FAILURE_BLOB_DOWNLOAD_TIMED_OUT] = {"BlobDownloadTimedOut",
                                         FAILURE_SERVER_ERROR},
    [FAILURE_BLOB_DOWNLOAD_MISC] = {"BlobDownloadMiscError",
                                    FAILURE_SERVER_ERROR},
    [FAILURE_RESOURCE_DIRECTORY_CREATE] = {"ResourceDirectoryCreateFailed",
                                           FAILURE_USER_ERROR},
    [FAILURE_RESOURCE_FILE_CREATE] = {"ResourceFileCreateFailed",
                                      FAILURE_USER_ERROR},
    [FAILURE_RESOURCE_FILE_WRITE] = {"ResourceFileWriteFailed",
                                     FAILURE_SERVER_ERROR},
    [FAILURE_DISK_FULL] = {"DiskFull", FAILURE_USER_ERROR},
    [FAILURE_UPLOAD_CONTAINER_NOT_FOUND] = {"FileUploadContainerNotFound",
                                            FAILURE_USER_ERROR},
    [FAILURE_UPLOAD_ACCESS_DENIED] = {"FileUploadAccessDenied",
                                      FAILURE_USER_ERROR},
    [FAILURE_UPLOAD_TIMED_OUT] = {"FileUploadTimedOut", FAILURE_SERVER_ERROR},
    [FAILURE_UPLOAD_MISC] = {"FileUploadMiscError", FAILURE_SERVER_ERROR},
    [FAILURE_CONTAINER_INVALID_IMAGE] = {"ContainerInvalidImage",
                                         FAILURE_USER_ERROR},
    [FAILURE_CONTAINER_INVALID_SETTINGS] = {"ContainerInvalidSettings",
                                            FAILURE_USER_ERROR},
    [FAILURE_UNSUCCESSFUL] = {"TaskNotSuccessful", FAILURE_USER_ERROR},
    [FAILURE_UNKNOWN] = {"Unknown", FAILURE_SERVER_ERROR},
};

const char *failure_code(enum failure failure)
{
    return failures[failure].code;
}

enum failure_category failure_category(enum failure failure)
{
    return failures[failure].category;
}

const char *failure_category_name(enum failure_category category)
{
    static const char *const names[] = {"", "user_error", "server_error"};
    return names[category];
}

static bool is_full(int code)
{
    return code == ENOSPC || code == EDQUOT;
}

static enum failure download_failure(int code)
{
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return FAILURE_BLOB_NOT_FOUND;
    case EACCES:
    case EPERM:
        return FAILURE_BLOB_ACCESS_DENIED;
    case ETIMEDOUT:
        return FAILURE_BLOB_DOWNLOAD_TIMED_OUT;
    default:
        return FAILURE_BLOB_DOWNLOAD_MISC;
    }
}

static enum failure upload_failure(int code)
{
    switch (code) {
    case EACCES:
    case EPERM:
    case EROFS:
        return FAILURE_UPLOAD_ACCESS_DENIED;
    case ETIMEDOUT:
        return FAILURE_UPLOAD_TIMED_OUT;
    default:
        return FAILURE_UPLOAD_MISC;
    }
}

enum failure failure_of_errno(int code, enum failure_phase phase)
{
    if (is_full(code) && phase != PHASE_UPLOAD) /* a full container is not */
        return FAILURE_DISK_FULL;               /* the node's disk */
    switch (phase) {
    case PHASE_DOWNLOAD:
        return download_failure(code);
    case PHASE_DIRECTORY:
        return FAILURE_RESOURCE_DIRECTORY_CREATE;
    case PHASE_CREATE:
        return FAILURE_RESOURCE_FILE_CREATE;
    case PHASE_WRITE:
        return FAILURE_RESOURCE_FILE_WRITE;
    case PHASE_PACKAGE:
        return FAILURE_APPLICATION_PACKAGE_ERROR;
    case PHASE_UPLOAD:
        return upload_failure(code);
    }
    return FAILURE_UNKNOWN;
}
