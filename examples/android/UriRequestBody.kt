package restore

import android.content.ContentResolver
import android.net.Uri
import java.io.IOException
import okhttp3.MediaType
import okhttp3.MediaType.Companion.toMediaTypeOrNull
import okhttp3.RequestBody
import okio.BufferedSink
import okio.source

/**
 * The photo behind a `content://` address, such as the photo picker's, as the body of a request.
 *
 * OkHttp may write a body more than once: after a lost connection, a 408 or a 503, and RestoreClient
 * sends an upload again by itself. A stream can be read once, so each writing opens it anew; nothing is
 * held in memory but a buffer.
 */
class UriRequestBody(private val resolver: ContentResolver, private val uri: Uri) : RequestBody() {
    override fun contentType(): MediaType? = resolver.getType(uri)?.toMediaTypeOrNull()

    /** The size in bytes, or -1, which OkHttp sends in chunks: a provider may make the photo as it is read. */
    override fun contentLength(): Long =
        try {
            resolver.openAssetFileDescriptor(uri, "r")?.use { it.length } ?: -1L
        } catch (unknown: IOException) {
            -1L
        }

    override fun writeTo(sink: BufferedSink) {
        val stream = resolver.openInputStream(uri) ?: throw IOException("The photo can't be opened: $uri")
        stream.source().use { sink.writeAll(it) }
    }
}
