package restore

import java.io.File
import java.io.IOException
import java.util.Locale
import java.util.UUID
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.emitAll
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.suspendCancellableCoroutine
import okhttp3.Call
import okhttp3.Callback
import okhttp3.HttpUrl
import okhttp3.HttpUrl.Companion.toHttpUrl
import okhttp3.HttpUrl.Companion.toHttpUrlOrNull
import okhttp3.MultipartBody
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.Response
import org.json.JSONException
import org.json.JSONObject

/** What a job is at the moment. It goes Queued, Running, Succeeded or Failed, and never backwards. */
sealed interface RestoreState {
    val jobId: String

    data class Queued(override val jobId: String) : RestoreState

    /** [progress] runs from 0.0 to 1.0. */
    data class Running(override val jobId: String, val progress: Double) : RestoreState

    /** [resultUrl] is as the server says it; [RestoreClient.save] fetches it from the server that was asked. */
    data class Succeeded(override val jobId: String, val resultUrl: HttpUrl) : RestoreState

    /** [sentence] is for the user; [code] is stable, such as `decode_failed`. */
    data class Failed(override val jobId: String, val code: String, val sentence: String) : RestoreState
}

/** How to restore; what is null takes the server's default. [strength] is 0.1 to 1.0, [upscale] 1, 2 or 4. */
data class RestoreOptions(val strength: Double? = null, val upscale: Int? = null, val modelId: String? = null)

/**
 * The server refused. The message is a sentence for the user, [code] is stable (docs/ERRORS.md), and
 * [retryAfterS] is the server's wish in seconds, where it has one.
 */
class RestoreException(val status: Int, val code: String, sentence: String, val retryAfterS: Long?) :
    IOException(sentence) {
    /** Whether the same request may be sent again: what docs/ERRORS.md says under "again", and a proxy's own failures. */
    val again: Boolean
        get() = status in setOf(408, 429, 500, 502, 503, 504)
}

/**
 * Restores photos on one server. It knows no Android class but org.json, and may be used from any thread.
 *
 * A cancelled coroutine ends the request that is under way, never the job on the server: a job outlives
 * the app, and [cancel] ends it. [token] is one of the server's API_TOKENS, if it has any.
 */
class RestoreClient(
    baseUrl: String,
    private val token: String? = null,
    private val http: OkHttpClient = OkHttpClient(),
) {
    // With its last slash, a server under a sub-path keeps the path: HttpUrl.resolve drops what follows it.
    private val base: HttpUrl = (baseUrl.trimEnd('/') + "/").toHttpUrl()

    /**
     * Uploads a photo and returns its job's id.
     *
     * The upload is sent again where its answer was lost or the server asked to wait; it carries
     * [idempotencyKey], so that all of these make one job. A caller that can be killed keeps the key and
     * calls again with it. [image] must be able to write itself more than once.
     *
     * @throws RestoreException where the server refuses it for good, or wishes a longer wait than [MAX_WAIT_S]
     * @throws IOException where the server can't be reached
     */
    suspend fun submit(
        image: RequestBody,
        options: RestoreOptions = RestoreOptions(),
        idempotencyKey: String = UUID.randomUUID().toString(),
        fileName: String = "photo",
    ): String {
        val form = MultipartBody.Builder().setType(MultipartBody.FORM)
        options.strength?.let { form.addFormDataPart("strength", String.format(Locale.ROOT, "%.3f", it)) }
        options.upscale?.let { form.addFormDataPart("upscale", it.toString()) }
        options.modelId?.let { form.addFormDataPart("model_id", it) }
        form.addFormDataPart("image", fileName, image)
        val request = request("v1/restore").header("Idempotency-Key", idempotencyKey).post(form.build()).build()
        return untilAnswered(request) { json(it) { getString("job_id") } }
    }

    /** The job's state now. A job that is unknown, cancelled or expired is a [RestoreException] with status 404. */
    suspend fun job(jobId: String): RestoreState =
        untilAnswered(request("v1/jobs/$jobId").build()) { answer -> json(answer) { state(this, answer.header("Restore-Error-Code")) } }

    /** The job's states until it has ended, each only where it differs from the one before. */
    fun watch(jobId: String): Flow<RestoreState> = flow {
        var before: RestoreState? = null
        var pauseMs = FIRST_PAUSE_MS
        while (true) {
            val now = job(jobId)
            if (now != before) emit(now)
            if (now is RestoreState.Succeeded || now is RestoreState.Failed) return@flow
            before = now
            delay(pauseMs)
            pauseMs = (pauseMs * 2).coerceAtMost(POLL_INTERVAL_MS)
        }
    }

    /** [submit], then [watch]: all of a photo's way as one flow. */
    fun restore(
        image: RequestBody,
        options: RestoreOptions = RestoreOptions(),
        idempotencyKey: String = UUID.randomUUID().toString(),
    ): Flow<RestoreState> = flow {
        val jobId = submit(image, options, idempotencyKey)
        emit(RestoreState.Queued(jobId))
        emitAll(watch(jobId))
    }

    /**
     * Downloads a result into [file], which is there whole or not at all.
     *
     * It is fetched from the server that this client asks: RESULT_BASE_URL may name that server as
     * somebody else sees it, and a token must not go to another.
     */
    suspend fun save(done: RestoreState.Succeeded, file: File) {
        val name = done.resultUrl.pathSegments.last()
        val part = File(file.path + ".part")
        try {
            untilAnswered(request("outputs/$name").build()) { answer ->
                part.outputStream().use { checkNotNull(answer.body).byteStream().copyTo(it) }
            }
            if (!part.renameTo(file)) throw IOException("The file ${file.name} can't be written.")
        } finally {
            part.delete()
        }
    }

    /** Stops the job and removes its photo and result from the server; nothing happens where there is none. */
    suspend fun cancel(jobId: String) {
        untilAnswered(request("v1/jobs/$jobId").delete().build()) {}
    }

    private fun request(path: String): Request.Builder {
        val builder = Request.Builder().url(checkNotNull(base.resolve(path)))
        token?.let { builder.header("Authorization", "Bearer $it") }
        return builder
    }

    /** Send, and send again while that may help: a few times, each after the server's wish or a growing pause. */
    private suspend fun <T> untilAnswered(request: Request, read: (Response) -> T): T {
        var pauseMs = FIRST_PAUSE_MS
        repeat(TRIES - 1) {
            val waitMs = try {
                return http.newCall(request).answer(read)
            } catch (refused: RestoreException) {
                val wish = refused.retryAfterS
                if (!refused.again || (wish != null && wish > MAX_WAIT_S)) throw refused
                wish?.times(1000)?.coerceAtLeast(1) ?: pauseMs
            } catch (lost: IOException) {
                pauseMs
            }
            delay(waitMs)
            pauseMs *= 2
        }
        return http.newCall(request).answer(read)
    }

    companion object {
        /** The longest Retry-After that is waited for here, in seconds; a longer one is the caller's to decide. */
        const val MAX_WAIT_S = 120L

        /** What the server recommends between two polls, in milliseconds. */
        const val POLL_INTERVAL_MS = 1500L

        private const val FIRST_PAUSE_MS = 250L
        private const val TRIES = 5
    }
}

/**
 * The answer, read by [read] on OkHttp's thread and closed there; cancelling the coroutine cancels the call.
 * An answer that isn't a success is a [RestoreException].
 */
private suspend fun <T> Call.answer(read: (Response) -> T): T = suspendCancellableCoroutine { waiting ->
    waiting.invokeOnCancellation { cancel() }
    enqueue(object : Callback {
        override fun onFailure(call: Call, e: IOException) = waiting.resumeWithException(e)

        override fun onResponse(call: Call, response: Response) {
            waiting.resumeWith(
                response.use { answer ->
                    runCatching { if (answer.isSuccessful) read(answer) else throw refusal(answer) }
                },
            )
        }
    })
}

private fun <T> json(answer: Response, read: JSONObject.() -> T): T =
    try {
        JSONObject(checkNotNull(answer.body).string()).read()
    } catch (other: JSONException) {
        throw IOException("This is not the answer of a restore server.", other)
    }

/** A refusal in the server's words; what a proxy answers instead has neither JSON nor a code. */
private fun refusal(answer: Response): RestoreException {
    val said = runCatching { json(answer) { this } }.getOrDefault(JSONObject())
    return RestoreException(
        answer.code,
        said.optString("code", "http_${answer.code}"),
        said.optString("error", "The server answered ${answer.code}."),
        answer.header("Retry-After")?.trim()?.toLongOrNull(),
    )
}

private fun state(job: JSONObject, errorCode: String?): RestoreState {
    val jobId = job.getString("job_id")
    return when (val status = job.getString("status")) {
        "queued" -> RestoreState.Queued(jobId)
        "running" -> RestoreState.Running(jobId, job.getDouble("progress"))
        "succeeded" -> RestoreState.Succeeded(
            jobId,
            job.getString("result_url").toHttpUrlOrNull() ?: throw JSONException("result_url is no address"),
        )
        "failed" -> RestoreState.Failed(jobId, errorCode ?: "failed", job.getString("error"))
        else -> throw JSONException("unknown status $status")
    }
}
