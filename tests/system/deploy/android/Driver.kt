package restore

import android.content.ContentResolver
import android.content.Context
import android.net.Uri
import androidx.work.ListenableWorker.Result
import androidx.work.WorkerParameters
import androidx.work.workDataOf
import java.io.File
import java.util.UUID
import kotlin.system.exitProcess
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import okhttp3.RequestBody.Companion.asRequestBody

/** Plays one scene with the sample against a server: `DriverKt SCENE URL PHOTO FOLDER`; prints what the app would see. */
fun main(args: Array<String>) {
    val (scene, url, photo, folder) = args
    val stage = Stage(url, File(photo), File(folder))
    runBlocking {
        withTimeout(60_000) {
            when (scene) {
                "restore" -> stage.restore()
                "refused" -> stage.refused()
                "cancel" -> stage.cancel()
                "leave" -> stage.leave()
                "uri" -> stage.uri()
                "worker" -> stage.worker()
                "damaged" -> stage.damaged()
                else -> error("no scene $scene")
            }
        }
    }
    exitProcess(0) // OkHttp keeps its threads for a minute
}

private class Stage(private val url: String, private val photo: File, private val folder: File) {
    private val client = RestoreClient(url)
    private val body = photo.asRequestBody()

    suspend fun restore() {
        var end: RestoreState? = null
        client.restore(body, RestoreOptions(strength = 0.6, upscale = 2)).collect {
            println(it)
            end = it
        }
        client.save(end as RestoreState.Succeeded, File(folder, "result"))
    }

    suspend fun refused() {
        try {
            client.submit(body, RestoreOptions(strength = 7.0))
        } catch (refused: RestoreException) {
            println("${refused.status} ${refused.code} again=${refused.again} ${refused.message}")
        }
    }

    suspend fun cancel() {
        val id = client.submit(body)
        client.watch(id).first { it is RestoreState.Running }
        client.cancel(id)
        try {
            client.job(id)
        } catch (refused: RestoreException) {
            println("${refused.status} ${refused.code}")
        }
    }

    /** The screen is left while the job is watched: the coroutine ends at once, the job goes on. */
    suspend fun leave() = kotlinx.coroutines.coroutineScope {
        val id = client.submit(body)
        val seen = CompletableDeferred<Unit>()
        val watching = launch { client.watch(id).collect { seen.complete(Unit) } }
        seen.await()
        watching.cancelAndJoin()
        println(client.job(id)::class.simpleName)
    }

    suspend fun uri() {
        for (saysLength in listOf(true, false)) {
            val resolver = ContentResolver(photo.readBytes(), saysLength)
            val id = client.submit(UriRequestBody(resolver, Uri.parse("content://photo/1")))
            println("$id opened=${resolver.opened}")
        }
    }

    /** The app is killed once the job's id is kept; WorkManager runs the work again under the same id. */
    suspend fun worker() = kotlinx.coroutines.coroutineScope {
        val resolver = ContentResolver(photo.readBytes(), true)
        val context = Context(resolver, folder)
        val input = workDataOf(RestoreWorker.SERVER to url, RestoreWorker.PHOTO to "content://photo/1")
        val parameters = WorkerParameters(UUID.randomUUID(), input)
        val kept = context.getSharedPreferences("restore-jobs", Context.MODE_PRIVATE)
        val first = launch { RestoreWorker(context, parameters).doWork() }
        while (kept.getString(parameters.id.toString(), null) == null) kotlinx.coroutines.yield()
        first.cancelAndJoin()
        when (val end = RestoreWorker(context, parameters).doWork()) {
            is Result.Success -> println("success ${end.outputData.getString(RestoreWorker.RESULT)}")
            is Result.Failure -> println("failure ${end.outputData.getString(RestoreWorker.ERROR)}")
            is Result.Retry -> println("retry")
        }
        println("uploads=${resolver.opened} kept=${kept.getString(parameters.id.toString(), null)}")
    }

    /** A job that fails, as the worker tells it. */
    suspend fun damaged() {
        val context = Context(ContentResolver(photo.readBytes(), true), folder)
        val input = workDataOf(RestoreWorker.SERVER to url, RestoreWorker.PHOTO to "content://photo/1")
        val end = RestoreWorker(context, WorkerParameters(UUID.randomUUID(), input)).doWork()
        check(end is Result.Failure)
        println("${end.outputData.getString(RestoreWorker.CODE)} ${end.outputData.getString(RestoreWorker.ERROR)}")
    }
}
