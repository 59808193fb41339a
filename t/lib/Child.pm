package Child;

# A process beside the test's, which does not outlive it.
#
#     use Child;
#
#     my $pid = Child::start('sink', sub { serve($socket) });
#     ...
#     Child::stop($pid);
#
# It ends when the code does, and tells by a line that begins with its name if
# that has died.  Code that waits for others should end when the test is gone.

use strict;
use warnings;

use POSIX ();

my $Test = $$;
my %Pids;

END {
    if ($$ == $Test) {
        my $status = $?;
        kill KILL => keys %Pids;
        $? = $status;
    }
}

sub start {
    my ($name, $code) = @_;
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM);
        $SIG{PIPE} = 'IGNORE';

        my $done = eval { $code->(); 1 };
        print STDERR "$name: $@" if !$done;
        POSIX::_exit($done ? 0 : 1);
    }

    $Pids{$pid} = 1;

    return $pid;
}

# By a signal, KILL unless told; returns when it is gone.
sub stop {
    my ($pid, $signal) = @_;

    kill $signal // 'KILL', $pid;
    waitpid $pid, 0;
    delete $Pids{$pid};
}

# whether it has ended, by itself
sub ended {
    my $pid = shift;

    delete $Pids{$pid} if waitpid($pid, POSIX::WNOHANG()) != 0;

    return !$Pids{$pid};
}

# in a child: whether the test is gone
sub orphan { return getppid() != $Test }

1;
