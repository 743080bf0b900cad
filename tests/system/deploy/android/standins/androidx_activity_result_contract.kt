package androidx.activity.result.contract

class ActivityResultContracts {
    class PickVisualMedia {
        sealed interface VisualMediaType

        object ImageOnly : VisualMediaType
    }
}
