package SmallDisk;

# A file system that is soon full.
#
#     my $disk = SmallDisk->mount('1m') or plan(skip_all => $SmallDisk::Why);
#     my $nginx = nginx(state => "$disk->{path}/state");
#
#     $disk->fill;         # to the last page, by a file "filler"
#     $disk->leave(64);    # that many kilobytes more are free
#     $disk->empty;        # without the file
#     $disk->unmount;      # tests that nobody has anything open there
#
# It is mounted at "disk" in the server root, which takes root, and is gone when
# the test is.

use strict;
use warnings;

use NginxProcess ();
use Test::More ();

our $Why = 'a file system of its own takes root';

my %Mounted;

END {
    local $?;
    system 'umount', '-l', $_ for keys %Mounted;
}

sub mount {
    my ($class, $size) = @_;
    my $self = bless {path => "$NginxProcess::Root/disk"}, $class;

    mkdir $self->{path};

    return if $> != 0
              || system("mount -t tmpfs -o size=$size,mode=0755 tmpfs"
                        . " $self->{path} 2>/dev/null") != 0;

    $Mounted{$self->{path}} = 1;
    return $self;
}

sub resize {
    my ($self, $size) = @_;
    return system('mount', '-o', "remount,size=$size", $self->{path}) == 0;
}

sub fill {
    my $self = shift;

    open my $filler, '>', "$self->{path}/filler" or die "filler: $!";
    1 while syswrite $filler, "\0" x 4096;
    close $filler;
}

sub leave {
    my ($self, $kilobytes) = @_;
    my $filler = "$self->{path}/filler";

    truncate $filler, (-s $filler) - $kilobytes * 1024 or die "truncate: $!";
}

sub empty {
    my $self = shift;
    unlink "$self->{path}/filler" or die "unlink: $!";
}

sub unmount {
    my $self = shift;

    Test::More::is(system('umount', $self->{path}), 0, 'nothing is left open');
    delete $Mounted{$self->{path}};
}

1;
