package android.content

import android.content.res.AssetFileDescriptor
import android.net.Uri
import java.io.ByteArrayInputStream
import java.io.File
import java.io.InputStream

/** Stand-ins with the signatures that the samples use, as far as they use them; they hold what a test puts in. */
class ContentResolver(private val photo: ByteArray, private val saysLength: Boolean) {
    var opened = 0
        private set

    fun getType(url: Uri): String? = "image/jpeg"

    fun openInputStream(uri: Uri): InputStream? {
        opened++
        return ByteArrayInputStream(photo)
    }

    fun openAssetFileDescriptor(uri: Uri, mode: String): AssetFileDescriptor? =
        AssetFileDescriptor(if (saysLength) photo.size.toLong() else AssetFileDescriptor.UNKNOWN_LENGTH)

    fun takePersistableUriPermission(uri: Uri, modeFlags: Int) = Unit
}

interface SharedPreferences {
    fun getString(key: String, defValue: String?): String?
    fun edit(): Editor

    interface Editor {
        fun putString(key: String, value: String?): Editor
        fun remove(key: String): Editor
        fun commit(): Boolean
    }
}

class Context(val contentResolver: ContentResolver, val filesDir: File) {
    private val kept = mutableMapOf<String, String>()

    fun getSharedPreferences(name: String, mode: Int): SharedPreferences = object : SharedPreferences {
        override fun getString(key: String, defValue: String?) = kept["$name/$key"] ?: defValue

        override fun edit() = object : SharedPreferences.Editor {
            private val changes = mutableListOf<() -> Unit>()

            override fun putString(key: String, value: String?) = apply { changes += { kept["$name/$key"] = value!! } }

            override fun remove(key: String) = apply { changes += { kept.remove("$name/$key") } }

            override fun commit(): Boolean {
                changes.forEach { it() }
                return true
            }
        }
    }

    companion object {
        const val MODE_PRIVATE = 0
    }
}

class Intent {
    companion object {
        const val FLAG_GRANT_READ_URI_PERMISSION = 1
    }
}
